import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { editWaiting, removeWaiting, type Waiting } from '../../actions/steer';
import { usePage } from '../../hooks';

// Words that wait for a model: they can be changed and removed until it reads them.
export function WaitingWords({ waiting, title }: { waiting: Waiting; title: string }): ReactNode {
  const page = usePage();
  const [text, setText] = useState<string | null>(null);
  const save = async () => {
    if (await perform(page, editWaiting, { ...waiting, text: text ?? '' })) setText(null);
  };
  return (
    <div className="waiting" role="group" aria-label={title}>
      <p className="dim">{title}</p>
      {text === null ? (
        <p className="words">{waiting.text}</p>
      ) : (
        <textarea aria-label="Changed words" rows={Math.min(8, text.split('\n').length + 1)} value={text} onChange={(event) => setText(event.target.value)} />
      )}
      <p className="buttons">
        {text === null ? (
          <>
            <button type="button" className="quiet" onClick={() => setText(waiting.text)}>
              Edit
            </button>
            <ActionButton action={removeWaiting} argument={waiting} className="quiet" />
          </>
        ) : (
          <>
            <button type="button" disabled={!text.trim()} onClick={() => void save()}>
              {editWaiting.label}
            </button>
            <button type="button" className="quiet" onClick={() => setText(null)}>
              Cancel
            </button>
          </>
        )}
      </p>
    </div>
  );
}
