import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { openParent } from '../../actions/forks';
import { useWords } from '../../strings/strings';
import type { Transcript } from '../../transcript';
import { AsideLine } from './aside';
import { between } from './asides';
import styles from './timeline.module.css';
import { day } from '../../strings/formats';

// What stands above the first turn: where a sub-agent or a fork comes from, and what happened before.
export function BeforeFirst({ transcript }: { transcript: Transcript }): ReactNode {
  return (
    <>
      {transcript.parentCall ? <Origin words="startedBy" parent={transcript.parent} /> : null}
      {transcript.parent && !transcript.parentTurn ? <Origin words="forkedHere" parent={transcript.parent} /> : null}
      <Happened transcript={transcript} after={0} before={transcript.turns[0]?.seq ?? Infinity} />
    </>
  );
}

// What stands below a turn: where the session was forked, notes for people, and what happened before the next turn.
export function AfterTurn({ transcript, index }: { transcript: Transcript; index: number }): ReactNode {
  const turn = transcript.turns[index];
  if (!turn) return null;
  return (
    <>
      {transcript.parent && !transcript.parentCall && transcript.parentTurn === turn.id ? <Origin words="forkedHere" parent={transcript.parent} /> : null}
      <Happened transcript={transcript} after={turn.seq} before={transcript.turns[index + 1]?.seq ?? Infinity} />
    </>
  );
}

function Origin({ words: key, parent }: { words: 'startedBy' | 'forkedHere'; parent: string }): ReactNode {
  const words = useWords('timeline');
  return (
    <p className={styles.aside}>
      ↳ {words(key, { parent })} <ActionButton action={openParent} argument={undefined} className="quiet" />
    </p>
  );
}

function Happened({ transcript, after, before }: { transcript: Transcript; after: number; before: number }): ReactNode {
  const notes = transcript.notes.filter((note) => note.seq > after && note.seq < before);
  return (
    <>
      {notes.map((note) => (
        <aside key={note.seq} className={styles.note} aria-label={note.kind} data-seq={note.seq}>
          <strong>{note.kind}</strong>
          <p dir="auto">{note.text}</p>
        </aside>
      ))}
      {between(transcript.remarks, after + 1, before).map((remark) => (
        <AsideLine key={remark.seq} aside={remark} />
      ))}
    </>
  );
}

// The day of a turn, where it differs from the day of the one before.
export function Day({ ts, before }: { ts: string; before: string }): ReactNode {
  const day = dayOf(ts);
  if (!day || day === dayOf(before)) return null;
  return (
    <p className={styles.day}>
      <time dateTime={ts.slice(0, 10)}>{day}</time>
    </p>
  );
}

function dayOf(ts: string): string {
  return ts ? day(ts) : '';
}
