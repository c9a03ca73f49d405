import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { resumeTurn } from '../../actions/turns';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { isLimited, planOf, type Turn } from '../../transcript';

// How a turn ended: why it did not finish, and what can be done about it.
export function Ending({ turn }: { turn: Turn }): ReactNode {
  const words = useWords('ending');
  const isResumable = usePageState((state) => state.transcript.resumable() === turn);
  if (!turn.endedAt) return null;
  const resume = isResumable ? <ActionButton action={resumeTurn} argument={undefined} /> : null;
  return (
    <>
      {turn.state === 'error' || turn.state === 'cancelled' ? (
        <p className={turn.state === 'error' ? 'err' : 'dim'}>
          {turn.state === 'error' ? '✕' : '‖'} {turn.error} {resume}
        </p>
      ) : null}
      {planOf(turn) ? <AcceptedPlan turn={turn} /> : null}
      {isLimited(turn) ? (
        <p className="dim">
          ‖ {words('limit')} {resume}
        </p>
      ) : null}
    </>
  );
}

// Where a plan was carried out; it is answered in the composer.
function AcceptedPlan({ turn }: { turn: Turn }): ReactNode {
  const words = useWords('ending');
  const accepted = usePageState((state) => state.transcript.turns.find((each) => each.fromPlan === turn.id)?.id ?? '');
  return accepted ? <p className="ok">✓ {words('accepted', { turn: accepted })}</p> : null;
}
