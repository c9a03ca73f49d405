import { type KeyboardEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { isTaken } from '../../actions/chord';
import { editWaiting, removeWaiting, type Waiting } from '../../actions/steer';
import { ActionLabel } from '../../actions/action_words';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import styles from './composer.module.css';

// Words that wait for a model, in the order in which it reads them: they can be changed and removed until then.
export function WaitingWords(): ReactNode {
  const words = useWords('composer.waiting');
  const transcript = usePageState((state) => state.transcript);
  usePageState((state) => state.version);
  const running = transcript.running();
  const steers = running && running.state !== 'queued' ? running.steers.filter((steer) => !steer.step) : [];
  const waiting: Waiting[] = [
    ...steers.map(({ id, text }): Waiting => ({ kind: 'steer', id, text })),
    ...transcript.turns.filter((turn) => turn.state === 'queued' && !turn.compact).map((turn): Waiting => ({ kind: 'turn', id: turn.id, text: turn.command || turn.text })),
  ];
  if (!waiting.length) return null;
  return (
    <ul className={styles.waiting} aria-label={words('label')}>
      {waiting.map((each) => (
        <Chip key={`${each.kind} ${each.id}`} waiting={each} />
      ))}
    </ul>
  );
}

function Chip({ waiting }: { waiting: Waiting }): ReactNode {
  const page = usePage();
  const words = useWords('composer.waiting');
  const [text, setText] = useState<string | null>(null);
  const short = line(waiting.text.length > 60 ? `${waiting.text.slice(0, 60)}…` : waiting.text);
  const save = async () => {
    if (await perform(page, editWaiting, { ...waiting, text: text ?? '' })) close();
  };
  // The focus goes where a person writes, because what had it is gone.
  const close = () => {
    setText(null);
    page.focus('composer');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (isTaken({ isComposing: event.nativeEvent.isComposing, keyCode: event.keyCode })) return;
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && (event.ctrlKey || event.metaKey) && text?.trim()) void save();
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    // Keys of the message mean nothing here.
    <li className={styles.chip} title={words(waiting.kind)} data-scope="waiting">
      <span className={classes(styles.kind, waiting.kind === 'steer' && 'violet')}>
        <span aria-hidden="true">{waiting.kind === 'steer' ? '↪' : '»'}</span> <span className="sr-only">{words(waiting.kind)}</span>
      </span>
      {text === null ? (
        <>
          <span className={styles.fileName}>{short}</span>
          <button type="button" className={styles.small} aria-label={words('editName', { text: short })} onClick={() => setText(waiting.text)}>
            {words('edit')}
          </button>
          <button type="button" className={styles.small} aria-label={words('removeName', { text: short })} onClick={() => void perform(page, removeWaiting, waiting).then(() => page.focus('composer'))}>
            <ActionLabel action={removeWaiting} />
          </button>
        </>
      ) : (
        <>
          <textarea
            aria-label={words('changed')}
            className={styles.edited}
            rows={Math.min(6, text.split('\n').length)}
            value={text}
            // biome-ignore lint/a11y/noAutofocus: a person has just asked to edit it
            autoFocus
            onKeyDown={onKeyDown}
            onChange={(event) => setText(event.target.value)}
          />
          <button type="button" className={styles.small} disabled={!text.trim()} onClick={() => void save()}>
            <ActionLabel action={editWaiting} />
          </button>
          <button type="button" className={styles.small} onClick={close}>
            {words('cancel')}
          </button>
        </>
      )}
    </li>
  );
}
