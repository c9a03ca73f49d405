import { type ReactNode, useEffect, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { commentHunk, type HunkOfTurn } from '../../actions/review';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import styles from './hunks.module.css';

const CHARS_MAX = 10_000;

// Words about a hunk, which go with it into the message that is being written.
export function HunkComment({ of, onEnd }: { of: HunkOfTurn; onEnd: (isAdded: boolean) => void }): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const [text, setText] = useState('');
  const field = useRef<HTMLTextAreaElement>(null);
  useEffect(() => field.current?.focus(), []);
  return (
    <form
      className={styles.comment}
      onSubmit={(event) => {
        event.preventDefault();
        void perform(page, commentHunk, { ...of, words: text }).then((isDone) => isDone && onEnd(true));
      }}
    >
      <textarea ref={field} rows={2} aria-label={words('commentOn', { lines: of.hunk.lines })} value={text} maxLength={CHARS_MAX} dir="auto" onChange={(event) => setText(event.target.value)} />
      <Button type="submit" size="small" look="primary" disabled={!text.trim()}>
        {words('addComment')}
      </Button>
      <Button size="small" onClick={() => onEnd(false)}>
        {words('cancel')}
      </Button>
    </form>
  );
}
