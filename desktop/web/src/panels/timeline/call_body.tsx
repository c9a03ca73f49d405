import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { cardWord } from '../../strings/tool_words';
import { toolOf } from '../../tools';
import type { Call } from '../../transcript';
import { Exact } from '../../ui/exact';
import { duration } from '../../strings/formats';
import { TerminalOutput } from '../../ui/terminal_output';
import { withoutEnding } from '../../ui/terminal_text';
import { line } from '../../visible';
import { CallArguments } from './call_arguments';
import { CallChanges } from './call_changes';
import { decision, isQuiet } from './call_decision';
import { CallPictures } from './call_pictures';
import { type CardState, exitCode } from './call_state';
import type { PathChange } from './changed_paths';
import { PlanSteps } from './plan_steps';
import styles from './toolcard.module.css';
import { WholeResult } from './whole_result';

const PATHS_SHOWN = 20;
// About as much of an output is streamed as it comes; the rest is only kept in its file.
const STREAMED_MAX = 1_000_000;

// The inside of a card: what the call was asked for in the form that suits it, what came of it, every argument, and why it was allowed.
export function CallBody({ call, state, changes }: { call: Call; state: CardState; changes: readonly PathChange[] }): ReactNode {
  const { subject, progress } = toolOf(call.name, call.server);
  const isCommand = call.name === 'run_command' && !call.server && typeof call.args.command === 'string';
  const hasDiff = changes.some((change) => change.diff);
  const steps = progress ? call.args[progress] : undefined;
  // A command's own output has its colours, which the model does not read.
  const result = isCommand && call.output ? call.output : withoutEnding(call.content) || call.output;
  return (
    <div className={styles.body}>
      {isCommand ? (
        <pre className={styles.command} tabIndex={0}>
          <code className="exact">
            <Exact text={String(call.args.command)} />
          </code>
        </pre>
      ) : null}
      {Array.isArray(steps) ? <PlanSteps steps={steps} /> : null}
      <CallChanges changes={changes} subject={String(call.args[subject] ?? '')} />
      <CallArguments call={call} isFolded={hasDiff || Array.isArray(steps)} without={isCommand ? 'command' : ''} />
      <CallPictures call={call} />
      {result && !hasDiff ? <TerminalOutput text={result} isRunning={state === 'running'} /> : null}
      {call.truncated || call.spill ? <WholeResult call={call} isShown={isCommand && call.output !== '' && call.output.length < STREAMED_MAX} /> : null}
      <Effects call={call} />
      <Facts call={call} isCommand={isCommand} />
    </div>
  );
}

// Files that changed while a command ran.
function Effects({ call }: { call: Call }): ReactNode {
  const words = useWords('cards');
  const paths = [...new Set(call.effects.flatMap((effect) => effect.changes.map((change) => change.path)))];
  const count = paths.length + call.effects.reduce((sum, effect) => sum + effect.more, 0);
  if (!count) return null;
  return (
    <p className={styles.facts}>
      {words('effects', { count })} <code>{paths.slice(0, PATHS_SHOWN).map(line).join(', ')}</code>
      {count > PATHS_SHOWN ? ' …' : ''}
    </p>
  );
}

// How it ended, where it ran, and who said that it may.
function Facts({ call, isCommand }: { call: Call; isCommand: boolean }): ReactNode {
  const words = useWords('cards');
  const cwd = usePageState((each) => each.transcript.cwd);
  const { execution } = call;
  const facts = [
    exitCode(call) ? words('exitCode', { code: exitCode(call) }) : '',
    call.durationMs && exitCode(call) ? duration(call.durationMs) : '',
    call.server ? words('server', { server: line(call.server) }) : '',
    toolOf(call.name, call.server).label.includes(call.name) || !call.name.includes('__') ? '' : words('tool', { name: line(call.name) }),
    execution ? words('ranIn', { folder: line(execution.folder || cwd) }) : '',
    execution ? words('network', { network: cardWord('networks', execution.network ?? 'off') }) : '',
    execution ? words('sandbox', { sandbox: cardWord('sandboxes', execution.sandbox) }) : '',
    isQuiet(call) && !isCommand ? '' : decision(call, words),
    call.note ? words('note', { note: line(call.note) }) : '',
  ].filter(Boolean);
  return facts.length ? <p className={styles.facts}>{facts.join(' · ')}</p> : null;
}
