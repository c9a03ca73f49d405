import type { ReactNode } from 'react';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';
import { Opener } from './opener';
import styles from './timeline.module.css';

// The points at which the turn may have left its course, each with the way to it.
export function Marks({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const words = useWords('ending');
  const sid = usePageState((state) => state.selected);
  if (!turn.marks.length || !turn.endedAt) return null;
  return (
    <Opener name={`marks ${turn.id}`} className={styles.aside} label={words('marks', { count: turn.marks.length })}>
      {() => (
        <ol className={styles.marks}>
          {turn.marks.map((mark) => (
            <li key={mark.seq}>
              <a className="num" href={page.address({ view: 'session', sid, seq: mark.seq })}>
                {words('mark', { seq: mark.seq.toString() })}
              </a>{' '}
              · {mark.kind} · {mark.text}
            </li>
          ))}
        </ol>
      )}
    </Opener>
  );
}
