import { type ReactNode, useEffect, useRef, useState } from 'react';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import styles from './card.module.css';

// As long as the daemon takes.
const CHARS_MAX = 2000;

interface Props {
  // Whether it was on the screen for a moment, and whether the question can still be answered.
  isSettled: boolean;
  isOpen: boolean;
  onDeny: (note: string) => void;
  onBack: () => void;
}

// Why the call is denied, for the model to read. Who has written a note means it, however fast.
export function NoteForm({ isSettled, isOpen, onDeny, onBack }: Props): ReactNode {
  const words = useWords('permission');
  const [note, setNote] = useState('');
  const isReady = isOpen && (isSettled || note.trim() !== '');
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      className={styles.note}
      onSubmit={(event) => {
        event.preventDefault();
        if (isReady) onDeny(note.trim());
      }}
    >
      <input ref={field} type="text" aria-label={words('note')} placeholder={words('noteHint')} value={note} maxLength={CHARS_MAX} dir="auto" onChange={(event) => setNote(event.target.value)} />
      <div className={styles.buttons}>
        <Button type="submit" look="primary" disabled={!isReady}>
          {words('deny')}
        </Button>
        <Button disabled={!isSettled} onClick={onBack}>
          {words('back')}
        </Button>
      </div>
    </form>
  );
}
