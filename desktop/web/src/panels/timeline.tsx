import { useVirtualizer } from '@tanstack/react-virtual';
import { memo, type ReactNode, useEffect, useRef, useState } from 'react';
import { Markdown } from '../markdown';
import { perform } from '../actions';
import { daemon } from '../daemon';
import { showProblem, useStore } from '../state';
import type { Turn } from '../transcript';
import { ToolCard } from './toolcard';

// How near the end counts as following it.
const FOLLOW_PX = 60;

export function Timeline(): ReactNode {
  const transcript = useStore((state) => state.transcript);
  const version = useStore((state) => state.version);
  const scroller = useRef<HTMLDivElement>(null);
  const [isFollowing, setFollowing] = useState(true);
  const turns = transcript.turns;
  const virtualizer = useVirtualizer({
    count: turns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 160,
    overscan: 4,
    gap: 20,
    getItemKey: (at) => turns[at]?.id ?? at,
  });
  const height = virtualizer.getTotalSize();

  useEffect(() => {
    const element = scroller.current;
    if (element && isFollowing) element.scrollTop = element.scrollHeight;
  }, [version, height, isFollowing]);

  const onScroll = () => {
    const element = scroller.current;
    if (element) setFollowing(element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX);
  };
  return (
    <div className="timeline-frame">
      <div className="timeline" ref={scroller} onScroll={onScroll} role="log" aria-live="off" aria-label="Timeline" tabIndex={0}>
        <div className="column" style={{ height, position: 'relative' }}>
          {virtualizer.getVirtualItems().map((item) => {
            const turn = turns[item.index];
            return turn ? (
              <div key={item.key} data-index={item.index} ref={virtualizer.measureElement} className="row" style={{ transform: `translateY(${item.start}px)` }}>
                <TurnView turn={turn} version={turn.version} at={item.index + 1} of={turns.length} />
              </div>
            ) : null;
          })}
        </div>
        {turns.length ? null : <Welcome />}
      </div>
      {isFollowing ? null : (
        <button type="button" className="jump" onClick={() => setFollowing(true)}>
          ⌄ Jump to end
        </button>
      )}
    </div>
  );
}

// `version` changes whenever the turn did, since the turn itself is mutable.
const TurnView = memo(function TurnView({ turn, at, of }: { turn: Turn; version: number; at: number; of: number }): ReactNode {
  const last = turn.steps[turn.steps.length - 1];
  const isRunning = !turn.endedAt;
  const heading = `turn-${turn.id}`;
  return (
    <article aria-labelledby={heading} aria-setsize={of} aria-posinset={at}>
      <header className="turn-head">
        <strong>You</strong>{' '}
        <span className="dim num">
          turn {at} · {clock(turn.ts)}
        </span>
      </header>
      <div className="user">{turn.text || (turn.compact ? 'Compact the context' : '') || (turn.resumes ? `Go on with ${turn.resumes}` : '')}</div>
      <h2 id={heading} className="turn-head">
        <span className="violet">◈ Assistant</span>{' '}
        <span className="dim">
          turn {at}
          {last ? ` · ${last.model} · ${last.provider}` : ''}
          {turn.state === 'queued' ? ' · queued' : ''}
        </span>
      </h2>
      {turn.steps.map((step) => (
        <div key={step.step} className="step">
          {step.thinking ? (
            <details className="thinking">
              <summary>Thinking · {step.thinking.length.toLocaleString()} characters</summary>
              <p>{step.thinking}</p>
            </details>
          ) : null}
          {step.attempt > 1 ? <p className="dim">⟳ attempt {step.attempt}</p> : null}
          {step.text ? <Markdown text={step.text} /> : null}
          {step.calls.map((call) => (
            <ToolCard key={call.id} call={call} />
          ))}
        </div>
      ))}
      {turn.warnings.map((warning, key) => (
        <p key={key} className="warn">
          ! {warning}
        </p>
      ))}
      {isRunning && !last?.text && !last?.calls.length ? (
        <p className="dim pulse">{turn.state === 'queued' ? 'Waiting for the turn before' : 'Waiting for the first token'}</p>
      ) : null}
      <Ending turn={turn} />
    </article>
  );
});

function Ending({ turn }: { turn: Turn }): ReactNode {
  const isLast = useStore((state) => state.transcript.resumable() === turn);
  if (turn.state === 'error' || turn.state === 'cancelled')
    return (
      <p className={turn.state === 'error' ? 'err' : 'dim'}>
        {turn.state === 'error' ? '✕' : '‖'} {turn.error}{' '}
        {isLast ? (
          <button type="button" onClick={() => perform('resume')}>
            Resume
          </button>
        ) : null}
      </p>
    );
  if (!turn.stats) return null;
  const { tokens, tokensPerSec, elapsed, tools } = turn.stats;
  return (
    <p className="stats num">
      <span>{tokens.toLocaleString()} tokens</span>
      <span>{tokensPerSec.toLocaleString()} tok/s</span>
      <span>{elapsed.toFixed(1)} s</span>
      <span>
        {tools} {tools === 1 ? 'tool' : 'tools'}
      </span>
      <Undo turn={turn} />
    </p>
  );
}

function Undo({ turn }: { turn: Turn }): ReactNode {
  const sid = useStore((state) => state.transcript.sid);
  const [isAsked, setAsked] = useState(false);
  if (turn.undone.length) return <span className="dim">undone: {turn.undone.join(', ')}</span>;
  const files = new Set(turn.steps.flatMap((step) => step.calls.flatMap((call) => call.changes.map((change) => change.path))));
  if (!files.size) return null;
  const undo = () => {
    setAsked(true);
    daemon
      .undo(sid, turn.id)
      .catch(showProblem)
      .finally(() => setAsked(false));
  };
  return (
    <button type="button" className="quiet" disabled={isAsked} title={[...files].join(', ')} onClick={undo}>
      Undo {files.size} {files.size === 1 ? 'file' : 'files'}
    </button>
  );
}

function Welcome(): ReactNode {
  const transcript = useStore((state) => state.transcript);
  const model = useStore((state) => state.models.find((candidate) => candidate.default));
  const selected = useStore((state) => state.selected);
  return (
    <div className="welcome">
      <h2>{selected ? 'A new session' : 'Welcome to Opta'}</h2>
      {selected ? (
        <p className="dim">
          {transcript.cwd} · {transcript.mode} · {transcript.level}
        </p>
      ) : null}
      {model?.capability === 'probe' ? (
        <p>
          The built-in <code>probe</code> model answers: a self-test, not an assistant. Next: put an mlx model into the <code>models</code> folder, set{' '}
          <code>OPTA_LMX_HOST</code>, or run <code>opta config add-provider</code>.
        </p>
      ) : null}
      <p className="dim">Try: “What is 2+2?” · “Read the file README.md” · “List the files”</p>
    </div>
  );
}

function clock(ts: string): string {
  return ts ? new Date(ts).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) : '';
}
