import { memo, type ReactNode } from 'react';
import { useKeptCount, usePageState, useTurn } from '../../hooks';
import { useWords } from '../../strings/strings';
import { revealedTurn } from '../../reveal';
import type { Turn } from '../../transcript';
import { classes } from '../../ui/kit/classes';
import { AsideLine } from './aside';
import { type Aside, asidesOf, between } from './asides';
import { Ending } from './ending';
import { Marks } from './marks';
import { Prompt } from './prompt';
import { STEPS_SHOWN, stepsKey } from './shown_steps';
import { StepView } from './step';
import styles from './timeline.module.css';
import { TurnActions } from './turn_actions';
import { TurnFiles } from './turn_files';
import { TurnStats } from './turn_stats';
import { TurnUse } from './use';
import { WaitsFor } from './waits_for';

// One prompt and its answer. It follows the turn itself, which is mutable.
export const TurnView = memo(function TurnView({ turn, at, of }: { turn: Turn; at: number; of: number }): ReactNode {
  useTurn(turn);
  const words = useWords('timeline');
  const isTarget = usePageState((state) => revealedTurn(state.transcript, state.reveal) === turn);
  const last = turn.steps[turn.steps.length - 1];
  const isRunning = !turn.endedAt;
  const heading = `turn-${turn.id}`;
  const asides = asidesOf(turn);
  const first = turn.steps[0]?.seq ?? Infinity;
  const state = turn.state === 'queued' || turn.state === 'pausing' || turn.state === 'paused' || turn.state === 'stopping' ? words(`states.${turn.state}`) : '';
  return (
    <article aria-labelledby={heading} aria-setsize={of} aria-posinset={at} tabIndex={-1} data-turn={turn.id} className={classes(styles.turn, isTarget && styles.target)}>
      <Prompt turn={turn} at={at} />
      {between(asides, 0, first).map((aside) => (
        <AsideLine key={aside.seq} aside={aside} />
      ))}
      <h2 id={heading} className={styles.head}>
        <span className="violet">◈ {words('assistant')}</span>{' '}
        <span className="dim">
          {[words('turn', { number: at }), last?.model, last?.provider, state].filter(Boolean).join(' · ')}
        </span>{' '}
        <TurnUse turn={turn} />
      </h2>
      <Steps turn={turn} asides={asides} />
      {isRunning ? <WaitsFor turn={turn} /> : null}
      {turn.steers
        .filter((steer) => !steer.step)
        .map((steer) => (
          <div key={steer.id} className="user steer">
            {steer.text} <span className="dim">· {words(isRunning ? 'nextReads' : 'unread')}</span>
          </div>
        ))}
      <Marks turn={turn} />
      <Ending turn={turn} />
      <TurnFiles turn={turn} />
      <footer className={styles.foot}>
        <TurnStats turn={turn} />
        <TurnActions turn={turn} />
      </footer>
    </article>
  );
});

function Steps({ turn, asides }: { turn: Turn; asides: Aside[] }): ReactNode {
  const words = useWords('timeline');
  const [more, setMore] = useKeptCount(stepsKey(turn.id));
  const { steps } = turn;
  const hidden = Math.max(0, steps.length - STEPS_SHOWN - more);
  return (
    <>
      {hidden ? (
        <button type="button" className={classes('quiet', styles.earlier)} onClick={() => setMore(more + STEPS_SHOWN)}>
          {words('hiddenSteps', { hidden, shown: Math.min(STEPS_SHOWN, hidden) })}
        </button>
      ) : null}
      {steps.slice(hidden).map((step, index) => {
        const next = steps[hidden + index + 1];
        const own = between(asides, step.seq, next?.seq ?? Infinity);
        return <StepView key={step.step} turn={turn} step={step} version={`${step.version}.${own.length}`} asides={own} isLast={!next} isOver={turn.endedAt !== ''} />;
      })}
    </>
  );
}
