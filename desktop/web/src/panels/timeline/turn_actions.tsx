import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { editTurn, forkTurn, retryTurn } from '../../actions/forks';
import { usePage } from '../../hooks';
import type { Turn } from '../../transcript';

// What can be made of a turn that has ended: a fork, another try, or one with other words. Each is a new session; this one stays.
export function TurnActions({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const [text, setText] = useState<string | null>(null);
  if (!turn.endedAt) return null;
  if (text !== null)
    return (
      <div className="waiting" role="group" aria-label="Change the prompt">
        <textarea aria-label="Changed prompt" rows={Math.min(8, text.split('\n').length + 1)} value={text} onChange={(event) => setText(event.target.value)} />
        <p className="buttons">
          <button type="button" disabled={!text.trim()} onClick={() => void perform(page, editTurn, { turn, text }).then((done) => (done ? setText(null) : undefined))}>
            Send in a new session
          </button>
          <button type="button" className="quiet" onClick={() => setText(null)}>
            Cancel
          </button>
        </p>
      </div>
    );
  return (
    <p className="turn-actions">
      <ActionButton action={forkTurn} argument={turn} className="quiet" title="A new session with the history up to this turn" />
      <ActionButton action={retryTurn} argument={turn} className="quiet" title="This prompt again, in a new session" />
      {turn.compact ? null : (
        <button type="button" className="quiet" title="This prompt with other words, in a new session" onClick={() => setText(turn.command || turn.text)}>
          Edit
        </button>
      )}
    </p>
  );
}
