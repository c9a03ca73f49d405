import { type KeyboardEvent, type ReactNode, useEffect, useRef, useState } from 'react';
import { useWords } from '../../strings/strings';
import type { Question } from '../../transcript_parts';
import { Exact } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { ignoreHeld, useSettled } from '../../ui/settled';
import styles from './card.module.css';
import { Clock, useTimeLeft } from './clock';

interface Props {
  asked: Question;
  at?: number;
  count?: number;
  takesFocus?: boolean;
  // False when the answer did not arrive.
  onAnswer: (text: string, hadFocus: boolean) => Promise<boolean>;
}

// What the model asks: its options as buttons, which count after a moment, and a field for any other words.
export function AskCard({ asked, at = 1, count = 1, takesFocus = false, onAnswer }: Props): ReactNode {
  const words = useWords('permission');
  const [text, setText] = useState('');
  const [isSent, setSent] = useState(false);
  const card = useRef<HTMLElement>(null);
  const isSettled = useSettled(asked.id);
  const left = useTimeLeft(asked.expiresAt);
  // A question without an end waits as long as its turn.
  const isOpen = !isSent && !(left <= 0);
  useEffect(() => {
    if (takesFocus) card.current?.focus();
  }, []);

  const give = (answer: string) => {
    if (!isOpen || !answer.trim()) return;
    setSent(true);
    const hadFocus = card.current?.contains(document.activeElement) ?? false;
    void onAnswer(answer, hadFocus).then((hasArrived) => setSent(hasArrived));
  };
  return (
    <section ref={card} className={styles.card} aria-label={words('ask')} tabIndex={-1} data-focus="question" data-scope="card" onKeyDown={(event: KeyboardEvent) => ignoreHeld(event)}>
      <header>
        <h2 className="warn">
          <span aria-hidden="true">◆</span> {words('asks')}
        </h2>
        <span className="dim num">
          {count > 1 ? `${words('of', { at, count })} · ` : ''}
          <Clock left={left} />
        </span>
      </header>
      <div className={styles.what} role="group" aria-label={words('asked')} tabIndex={0}>
        <p className={styles.words} dir="auto">
          <Exact text={asked.text} />
        </p>
      </div>
      {asked.options.length ? (
        <div className={styles.buttons} role="group" aria-label={words('options')}>
          {asked.options.map((option) => (
            <Button key={option} disabled={!isSettled || !isOpen} onClick={() => give(option)}>
              <Exact text={option} />
            </Button>
          ))}
        </div>
      ) : null}
      <form
        className={styles.note}
        onSubmit={(event) => {
          event.preventDefault();
          give(text);
        }}
      >
        <input type="text" aria-label={words('answer')} placeholder={words(asked.options.length ? 'otherWords' : 'answer')} value={text} dir="auto" onChange={(event) => setText(event.target.value)} />
        <Button type="submit" look="primary" disabled={!isOpen || !text.trim()}>
          {words('send')}
        </Button>
      </form>
    </section>
  );
}
