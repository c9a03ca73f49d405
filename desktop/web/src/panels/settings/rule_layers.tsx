// The rules of each layer in words, with the file and the line of each, and what is wrong in the files. They are edited in those files.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { folderFor } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import type { FileProblem, PolicyLayer, RuleInfo } from '../../protocol';
import { layersQuery } from '../../setting_queries';
import { useWords } from '../../strings/strings';
import { Revealed } from '../../ui/exact';
import { line } from '../../visible';
import { FilePath, Section, Waiting } from './section';
import styles from './settings.module.css';

const TONES = { allow: 'ok', ask: 'warn', deny: 'err' } as const;

export function RuleLayers(): ReactNode {
  const page = usePage();
  const words = useWords('settings.rules');
  const cwd = usePageState(folderFor);
  const { data, error } = useQuery(layersQuery(page.daemon, cwd));
  return (
    <Section title={words('title')} hint={words('hint')} command="opta policy list">
      <p>{cwd ? words('folder', { folder: line(cwd) }) : words('noFolder')}</p>
      {data && cwd ? <p className={data.trust === 'changed' ? 'warn' : 'dim'}>{words(data.trust)}</p> : null}
      <Waiting error={error} isRead={data !== undefined} />
      {data?.problems.length ? <Problems problems={data.problems} /> : null}
      {data?.layers.map((layer) => (
        <Layer key={layer.name} layer={layer} />
      ))}
    </Section>
  );
}

function Problems({ problems }: { problems: readonly FileProblem[] }): ReactNode {
  const words = useWords('settings.rules');
  return (
    <div className={styles.note} role="alert">
      <h4>{words('problems')}</h4>
      <ul>
        {problems.map((each) => (
          <li key={`${each.file}:${each.line}:${each.message}`} className={styles.line}>
            <span className={each.isWarning ? 'warn' : 'err'}>
              <code>
                {line(each.file)}:{each.line}
              </code>{' '}
              <Revealed text={each.message} />
            </span>{' '}
            {each.fix ? (
              <span className="dim">
                <Revealed text={each.fix} />
              </span>
            ) : null}
          </li>
        ))}
      </ul>
    </div>
  );
}

function Layer({ layer }: { layer: PolicyLayer }): ReactNode {
  const words = useWords('settings.rules');
  const files = layer.files ?? [];
  return (
    <div>
      <h4>{words(`layers.${layer.name}`)}</h4>
      {files.map((file) => (
        <FilePath key={file} label={layer.isFound ? words('file') : `${words('file')} · ${words('noFile')}`} path={file} />
      ))}
      {layer.isBroken ? <p className="err">{words('broken')}</p> : null}
      {layer.rules.length === 0 && layer.isFound && !layer.isBroken ? <p className="dim">{words('noRules')}</p> : null}
      <ul className={styles.rows}>
        {layer.rules.map((rule) => (
          <Rule key={`${rule.file}:${rule.line}:${rule.words}`} rule={rule} />
        ))}
      </ul>
    </div>
  );
}

function Rule({ rule }: { rule: RuleInfo }): ReactNode {
  const words = useWords('settings.rules');
  return (
    <li>
      <span className={`${styles.effect} ${TONES[rule.effect]}`}>{words(`effects.${rule.effect}`)}</span>
      <span className={styles.words}>
        <Revealed text={rule.words} /> {rule.note ? <span className="dim">{line(rule.note)}</span> : null}
      </span>
      {rule.file ? (
        <code className="dim">
          {line(rule.file.split('/').at(-1) ?? '')}:{rule.line}
        </code>
      ) : null}
    </li>
  );
}
