import { type ReactNode, useRef } from 'react';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import styles from './composer.module.css';
import type { Suggestion, Suggestions } from './suggestions';

interface Props {
  id: string;
  label: string;
  suggestions: Suggestions;
  active: number;
  onTake: (suggestion: Suggestion) => void;
  onMove: (active: number) => void;
}

// Rows that are shown at once: as many as this share of the window holds.
const ROWS_MIN = 3;
const ROWS_MAX = 9;
const ROW_PX = 44;
const SHARE = 0.42;

export const optionId = (id: string, at: number) => `${id}-${at}`;

// Over the message, which keeps the focus: the active one is named by the field.
export function SuggestionList({ id, label, suggestions: { items, note, isLooking }, active, onTake, onMove }: Props): ReactNode {
  const words = useWords('composer.suggestions');
  // A part of the items that follows the active one, and no scrolled list: the focus is in the field, so no key would scroll it.
  const first = useRef(0);
  const rows = Math.max(ROWS_MIN, Math.min(ROWS_MAX, Math.floor((window.innerHeight * SHARE) / ROW_PX)));
  first.current = Math.max(0, Math.min(Math.max(first.current, active - rows + 1), active, items.length - rows));
  const shown = items.slice(first.current, first.current + rows);
  const groups = [...new Set(shown.map((item) => item.group))];
  return (
    <div className={styles.suggestions} onWheel={(event) => onMove(event.deltaY > 0 ? Math.min(active + 1, items.length - 1) : Math.max(active - 1, 0))}>
      {items.length ? (
        <div id={id} role="listbox" aria-label={label}>
          {groups.map((group) => (
            <div key={group} role="group" aria-label={group}>
              <p className={styles.group} aria-hidden="true">
                {group}
              </p>
              {shown.map((item, row) => {
                const at = first.current + row;
                return item.group === group ? (
                  // Chosen with the keys of the field; a pointer must not take the focus from it.
                  // biome-ignore lint/a11y/useKeyWithClickEvents: the field handles the keys
                  // biome-ignore lint/a11y/useFocusableInteractive: the field has the focus
                  <div
                    key={item.key}
                    id={optionId(id, at)}
                    role="option"
                    aria-selected={at === active}
                    aria-setsize={items.length}
                    aria-posinset={at + 1}
                    className={classes(styles.suggestion, at === active && styles.active)}
                    onPointerDown={(event) => event.preventDefault()}
                    onClick={() => onTake(item)}
                  >
                    <code className={styles.word}>{line(item.word)}</code>
                    <span className={styles.about}>{line(item.words)}</span>
                  </div>
                ) : null;
              })}
            </div>
          ))}
        </div>
      ) : null}
      {shown.length < items.length ? <p className={classes(styles.note, 'dim')}>{words('more', { first: String(first.current + 1), last: String(first.current + shown.length), count: String(items.length) })}</p> : null}
      {note || (isLooking && !items.length) ? <p className={classes(styles.note, 'dim')}>{note || words('looking')}</p> : null}
      <p className="sr-only" role="status">
        {isLooking ? '' : words('count', { count: items.length })}
      </p>
    </div>
  );
}
