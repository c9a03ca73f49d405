import type { ReactNode } from 'react';
import type { UsageReport } from '../../protocol';
import { useWords } from '../../strings/strings';
import styles from './usage.module.css';

// What the figures leave out, and how they are counted.
export function Notes({ report: { total, unread } }: { report: UsageReport }): ReactNode {
  const words = useWords('usage');
  const counted = [
    [total.unfinished, 'notesUnfinished'],
    [total.unreported, 'notesUnreported'],
    [total.cut, 'notesCut'],
    [unread, 'notesUnread'],
  ] as const;
  return (
    <section aria-label={words('notes')} className={styles.notes}>
      <h3>{words('notes')}</h3>
      <ul>
        {counted.map(([count, key]) => (count ? <li key={key}>{words(key, { count })}</li> : null))}
        <li>{words('notesTime')}</li>
        <li>{words('notesForks')}</li>
      </ul>
    </section>
  );
}
