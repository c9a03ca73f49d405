import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { resumeTurn } from '../../actions/turns';
import { usePageState } from '../../hooks';
import { isLimited, type Turn } from '../../transcript';

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
    </p>
  );
  if (!isLimited(turn)) return stats;
  return (
    <>
      <p className="dim">‖ Stopped at a limit; it is not finished. {resume}</p>
      {stats}
    </>
  );
}
