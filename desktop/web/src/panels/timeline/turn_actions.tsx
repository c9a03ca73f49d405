import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { editTurn, forkTurn, retryTurn } from '../../actions/forks';
import { useIsPlayback, usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';

// What can be made of a turn that has ended: a fork, another try, or one with other words. Each is a new session; this one stays.
export function TurnActions({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const words = useWords('turnActions');
  const [text, setText] = useState<string | null>(null);
  const isPlayback = useIsPlayback();
  if (!turn.endedAt || isPlayback) return null;
  if (text !== null)
    return (
      <div className="waiting" role="group" aria-label={words('change')}>
        <textarea aria-label={words('changed')} rows={Math.min(8, text.split('\n').length + 1)} value={text} onChange={(event) => setText(event.target.value)} />
        <p className="buttons">
          <button type="button" disabled={!text.trim()} onClick={() => void perform(page, editTurn, { turn, text }).then((done) => (done ? setText(null) : undefined))}>
            {words('send')}
          </button>
          <button type="button" className="quiet" onClick={() => setText(null)}>
            {words('cancel')}
          </button>
        </p>
      </div>
    );
  return (
    <p className="turn-actions">
      <ActionButton action={forkTurn} argument={turn} className="quiet" title={words('forkHint')} />
      <ActionButton action={retryTurn} argument={turn} className="quiet" title={words('retryHint')} />
      {turn.compact ? null : (
        <button type="button" className="quiet" title={words('editHint')} onClick={() => setText(turn.command || turn.text)}>
          {words('edit')}
        </button>
      )}
    </p>
  );
}
