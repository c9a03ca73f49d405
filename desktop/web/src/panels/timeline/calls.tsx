import { Fragment, type ReactNode } from 'react';
import { useKeptOpen } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Call } from '../../transcript';
import { classes } from '../../ui/kit/classes';
import { AsideLine } from './aside';
import { type Aside, between } from './asides';
import { type CallRow, callRows, subjects } from './call_rows';
import { ChildCard } from './child_card';
import { HookLines } from './hook_lines';
import { QuestionCard } from './question_card';
import styles from './timeline.module.css';
import { ToolCard } from './toolcard';
import card from './toolcard.module.css';
import { wholeMilliseconds } from '../../strings/formats';

interface Props {
  calls: Call[];
  // What happened from the first call on.
  asides: Aside[];
  isOver: boolean;
}

// The calls of a step, with what happened between them. Several calls of one step are a group.
export function Calls({ calls, asides, isOver }: Props): ReactNode {
  const words = useWords('timeline.calls');
  if (!calls.length) return null;
  const rows = callRows(calls);
  const shown = rows.map((row, at) => {
    const next = rows[at + 1];
    return (
      <Fragment key={first(row).id}>
        <Row row={row} isOver={isOver} />
        {between(asides, first(row).seq, next ? first(next).seq : Infinity).map((aside) => (
          <AsideLine key={aside.seq} aside={aside} />
        ))}
      </Fragment>
    );
  });
  if (rows.length < 2) return shown;
  return (
    <div className={styles.group} role="group" aria-label={words('group', { count: calls.length })}>
      {shown}
    </div>
  );
}

function first(row: CallRow): Call {
  return row.kind === 'call' ? row.call : (row.calls[0] as Call);
}

function Row({ row, isOver }: { row: CallRow; isOver: boolean }): ReactNode {
  return row.kind === 'call' ? <OneCall call={row.call} isOver={isOver} /> : <Reads calls={row.calls} isOver={isOver} />;
}

function OneCall({ call, isOver }: { call: Call; isOver: boolean }): ReactNode {
  return (
    <div className={styles.call} data-seq={call.seq} data-call={call.id}>
      {call.asked ? <QuestionCard asked={call.asked} isOver={isOver} /> : call.child ? <ChildCard call={call} child={call.child} isOver={isOver} /> : <ToolCard call={call} />}
      <HookLines runs={call.hooks} isOver={isOver} />
    </div>
  );
}

// Reads that follow one another: one line with what was read, which opens to their cards.
function Reads({ calls, isOver }: { calls: Call[]; isOver: boolean }): ReactNode {
  const words = useWords('timeline.calls');
  const [isOpen = false, setOpen] = useKeptOpen(readsKey(calls));
  const failed = calls.filter((call) => call.state === 'failed').length;
  const isRunning = !isOver && calls.some((call) => ['called', 'allowed', 'running'].includes(call.state));
  const names = subjects(calls).join(', ');
  const [glyph, tone] = isRunning ? ['●', 'live pulse'] : failed ? ['✕', 'err'] : ['✓', 'ok'];
  const word = isRunning ? words('running') : failed ? words('failed', { count: failed }) : '';
  return (
    <section className={classes(card.tool, styles.reads)} aria-label={`${words('reads', { count: calls.length })}: ${names}`} data-seq={calls[0]?.seq}>
      <button type="button" className={card.head} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>{words('reads', { count: calls.length })}</strong>
        <code className={card.subject}>{names}</code>
        <span className={classes('dim num', card.figures)}>
          {word ? `${word} · ` : ''}
          {wholeMilliseconds(calls.reduce((sum, call) => sum + call.durationMs, 0))}
        </span>
      </button>
      {isOpen ? (
        <div className={styles.inner}>
          {calls.map((call) => (
            <OneCall key={call.id} call={call} isOver={isOver} />
          ))}
        </div>
      ) : null}
    </section>
  );
}

// Under which a row of reads is kept open.
export function readsKey(calls: Call[]): string {
  return `reads ${calls[0]?.id}`;
}
