import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { acceptPlan, changePlan } from '../../actions/plans';
import { resumeTurn } from '../../actions/turns';
import { usePageState } from '../../hooks';
import { isLimited, planOf, type Turn } from '../../transcript';

// How a turn ended: why it failed, or its figures, and what can be done about it.
export function Ending({ turn }: { turn: Turn }): ReactNode {
  const isResumable = usePageState((state) => state.transcript.resumable() === turn);
  const resume = isResumable ? <ActionButton action={resumeTurn} argument={undefined} /> : null;
  if (turn.state === 'error' || turn.state === 'cancelled')
    return (
      <p className={turn.state === 'error' ? 'err' : 'dim'}>
        {turn.state === 'error' ? '✕' : '‖'} {turn.error} {resume}
      </p>
    );
  if (!turn.stats) return null;
  const { tokens, tokensPerSec, elapsed, tools } = turn.stats;
  const stats = (
    <p className="stats num">
      <span>{tokens.toLocaleString()} tokens</span>
      <span>{tokensPerSec.toLocaleString()} tok/s</span>
      <span>{elapsed.toFixed(1)} s</span>
      <span>
        {tools} {tools === 1 ? 'tool' : 'tools'}
      </span>
      {turn.stats.children ? (
        <span>
          {turn.stats.children} {turn.stats.children === 1 ? 'sub-agent' : 'sub-agents'} with {turn.stats.childTokens?.toLocaleString()} tokens
        </span>
      ) : null}
    </p>
  );
  if (planOf(turn))
    return (
      <>
        <PlanAnswer turn={turn} />
        {stats}
      </>
    );
  if (!isLimited(turn)) return stats;
  return (
    <>
      <p className="dim">‖ Stopped at a limit; it is not finished. {resume}</p>
      {stats}
    </>
  );
}

// What a person may say to a plan; once another turn has begun, whether it was accepted.
function PlanAnswer({ turn }: { turn: Turn }): ReactNode {
  const accepted = usePageState((state) => state.transcript.turns.find((each) => each.fromPlan === turn.id)?.id ?? '');
  const isOpen = usePageState((state) => acceptPlan.when(state, turn));
  if (accepted) return <p className="ok">✓ Accepted, carried out in {accepted}</p>;
  if (!isOpen) return null;
  return (
    <p className="buttons plan-answer" role="group" aria-label="Answer to the plan">
      <ActionButton action={acceptPlan} argument={turn} className="primary" />
      <ActionButton action={changePlan} argument={turn} />
    </p>
  );
}
