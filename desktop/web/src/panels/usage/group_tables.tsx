// Folders, models and tools: a table each, with a bar for the share of each row.

import type { ReactNode } from 'react';
import type { ToolUsage, UsageGroup } from '../../protocol';
import { duration, number } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { line } from '../../visible';
import { amount, MEASURE_WORDS, MEASURES } from './amounts';
import styles from './usage.module.css';

interface GroupProps {
  title: string;
  // What a row is, and what one without a name is called.
  kind: string;
  unnamed: string;
  groups: UsageGroup[];
  more: number;
}

export function GroupTable({ title, kind, unnamed, groups, more }: GroupProps): ReactNode {
  const words = useWords('usage');
  const most = Math.max(1, ...groups.map(tokensOf));
  if (!groups.length) return null;
  return (
    <Titled title={title} more={more}>
      <thead>
        <tr>
          <th scope="col">{kind}</th>
          {MEASURES.map((measure) => (
            <th key={measure} scope="col">
              {words(MEASURE_WORDS[measure])}
            </th>
          ))}
          <th scope="col">{words('turns')}</th>
        </tr>
      </thead>
      <tbody>
        {groups.map((group) => (
          <tr key={group.name}>
            <th scope="row">
              {line(group.name) || unnamed}
              <Share of={tokensOf(group) / most} />
            </th>
            {MEASURES.map((measure) => (
              <td key={measure}>{amount(group, measure)}</td>
            ))}
            <td>{number(group.turns)}</td>
          </tr>
        ))}
      </tbody>
    </Titled>
  );
}

export function ToolTable({ tools, more }: { tools: ToolUsage[]; more: number }): ReactNode {
  const words = useWords('usage');
  const most = Math.max(1, ...tools.map((tool) => tool.calls));
  if (!tools.length) return null;
  return (
    <Titled title={words('byTool')} more={more}>
      <thead>
        <tr>
          <th scope="col">{words('tool')}</th>
          <th scope="col">{words('calls')}</th>
          <th scope="col">{words('failedColumn')}</th>
          <th scope="col">{words('time')}</th>
        </tr>
      </thead>
      <tbody>
        {tools.map((tool) => (
          <tr key={tool.name}>
            <th scope="row">
              {tool.name ? <code>{line(tool.name)}</code> : words('noTool')}
              <Share of={tool.calls / most} />
            </th>
            <td>{number(tool.calls)}</td>
            <td>{number(tool.failed)}</td>
            <td>{duration(tool.seconds * 1_000)}</td>
          </tr>
        ))}
      </tbody>
    </Titled>
  );
}

function Titled({ title, more, children }: { title: string; more: number; children: ReactNode }): ReactNode {
  const words = useWords('usage');
  return (
    <section aria-label={title}>
      <h3>{title}</h3>
      <div className={styles.wide} tabIndex={0} role="region" aria-label={title}>
        <table className="num">{children}</table>
      </div>
      {more ? <p className="dim">{words('more', { count: more })}</p> : null}
    </section>
  );
}

// The figures beside it say the same.
function Share({ of }: { of: number }): ReactNode {
  return (
    <svg aria-hidden="true" viewBox="0 0 100 4" preserveAspectRatio="none" className={styles.share}>
      <rect width={Math.max(0.5, 100 * of)} height="4" />
    </svg>
  );
}

function tokensOf(group: UsageGroup): number {
  return group.promptTokens + group.tokens;
}
