import { Fragment, memo, type ReactNode } from 'react';
import { Markdown } from '../../markdown';
import type { Turn } from '../../transcript';
import { CopyButton } from '../../ui/copy_button';
import { ChildCard } from './child_card';
import { Ending } from './ending';
import { Marks } from './marks';
import { HookLines } from './hook_lines';
import { QuestionCard } from './question_card';
import { ToolCard } from './toolcard';
import { TurnActions } from './turn_actions';
import { TurnFiles } from './turn_files';
import { TurnUse } from './use';
import { WaitingWords } from './waiting';

// One prompt and its answer. The turn is mutable: its `version` says that it has changed.
export const TurnView = memo(function TurnView({ turn, at, of }: { turn: Turn; version: number; at: number; of: number }): ReactNode {
  const last = turn.steps[turn.steps.length - 1];
  const isRunning = !turn.endedAt;
  const heading = `turn-${turn.id}`;
  return (
    <article aria-labelledby={heading} aria-setsize={of} aria-posinset={at}>
      <header className="turn-head">
        <strong>{turn.role === 'agent' ? 'The session that started it' : 'You'}</strong>{' '}
        <span className="dim num">
          turn {at} · {clock(turn.ts)}
        </span>
      </header>
      {turn.state === 'queued' ? (
        <WaitingWords waiting={{ kind: 'turn', id: turn.id, text: turn.command || turn.text }} title="Waits for the turn before" />
      ) : (
        <div className="user">{turn.command || turn.text || (turn.compact ? 'Compact the context' : '') || (turn.resumes ? `Go on with ${turn.resumes}` : '')}</div>
      )}
      {turn.attachments.length ? <p className="dim">with {turn.attachments.map(title).join(', ')}</p> : null}
      {turn.injected
        .filter((part) => part.source === 'skills' && part.text)
        .map((part) => (
          <details key={part.edition} className="thinking">
            <summary>Skills listed for the model</summary>
            <p>{part.text}</p>
          </details>
        ))}
      <h2 id={heading} className="turn-head">
        <span className="violet">◈ Assistant</span>{' '}
        <span className="dim">
          turn {at}
          {last ? ` · ${last.model} · ${last.provider}` : ''}
          {STATES[turn.state] ?? ''}
        </span>{' '}
        <TurnUse turn={turn} />
      </h2>
      {turn.steps.map((step) => (
        <div key={step.step} className="step">
          {turn.steers
            .filter((steer) => steer.step === step.step)
            .map((steer) => (
              <div key={steer.id + steer.text} className="user steer">
                {steer.text}
              </div>
            ))}
          {step.nudge ? <p className="dim">⟳ The model was asked again: {step.nudge}</p> : null}
          {step.thinking ? (
            <details className="thinking">
              <summary>Thinking · {step.thinking.length.toLocaleString()} characters</summary>
              <p>{step.thinking}</p>
            </details>
          ) : null}
          {step.attempt > 1 ? <p className="dim">⟳ attempt {step.attempt}</p> : null}
          {step.text ? (
            <div className="answer">
              {turn.endedAt ? <CopyButton what="answer" text={() => step.text} /> : null}
              <Markdown text={step.text} />
            </div>
          ) : null}
          {step.calls.map((call) => (
            <Fragment key={call.id}>
              {call.asked ? (
                <QuestionCard asked={call.asked} isOver={!isRunning} />
              ) : call.child ? (
                <ChildCard call={call} child={call.child} isOver={!isRunning} />
              ) : (
                <ToolCard call={call} />
              )}
              <HookLines runs={call.hooks} isOver={!isRunning} />
            </Fragment>
          ))}
          <HookLines runs={turn.hooks.filter((run) => run.step === step.step)} isOver={!isRunning} />
        </div>
      ))}
      {turn.warnings.map((warning, key) => (
        <p key={key} className="warn">
          ! {warning}
        </p>
      ))}
      {isRunning && turn.state !== 'paused' && (last?.waiting || (!last?.text && !last?.calls.length)) ? <p className="dim pulse">{waitsFor(turn)}</p> : null}
      {turn.steers
        .filter((steer) => !steer.step)
        .map((steer) =>
          isRunning ? (
            <WaitingWords key={steer.id} waiting={{ kind: 'steer', id: steer.id, text: steer.text }} title="The next model call reads this" />
          ) : (
            <div key={steer.id} className="user steer">
              {steer.text} <span className="dim">· the turn ended before it was read</span>
            </div>
          ),
        )}
      <Marks turn={turn} />
      <Ending turn={turn} />
      <TurnFiles turn={turn} />
      <TurnActions turn={turn} />
    </article>
  );
});

const STATES: Partial<Record<Turn['state'], string>> = { queued: ' · queued', pausing: ' · pausing before the next step', paused: ' · paused', stopping: ' · stopping' };

function waitsFor(turn: Turn): string {
  const silent = turn.steps[turn.steps.length - 1]?.waiting ?? 0;
  if (turn.state === 'queued') return 'Waiting for the turn before';
  return silent ? `Waiting for the model · ${Math.round(silent)} s` : 'Waiting for the first token';
}

function clock(ts: string): string {
  return ts ? new Date(ts).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) : '';
}

// An attachment's name as its person knows it; its id ends with a hash.
function title(id: string): string {
  return id.slice(0, id.lastIndexOf('-'));
}
