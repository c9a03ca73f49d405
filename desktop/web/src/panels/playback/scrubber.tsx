// The line of the playback: a slider over its time, with a mark at the beginning of each turn.

import { type KeyboardEvent, type ReactNode, useMemo } from 'react';
import { perform } from '../../actions/action';
import { seekPlayback } from '../../actions/playback';
import { usePage } from '../../hooks';
import type { Playback } from '../../playback/playback';
import type { Timetable } from '../../playback/timetable';
import { useWords } from '../../strings/strings';
import styles from './playback.module.css';
import { turnWords } from './position';
import { clockTime } from './times';
import { usePlayback } from './use_playback';

const STEP_MS = 5_000;
// More marks than this would be one grey line.
const MARKS_MAX = 120;
// Smaller moves of the thumb are not to be seen.
const MOVES = 1_000;

export function Scrubber({ playback }: { playback: Playback }): ReactNode {
  const page = usePage();
  const words = useWords('playback');
  const { timetable } = playback;
  const move = Math.max(1, timetable.duration / MOVES);
  const played = usePlayback(playback, (state) => Math.round(Math.round(state.played / move) * move));
  const at = usePlayback(playback, (state) => state.at);
  const marks = useMemo(() => marksOf(timetable), [timetable, timetable.count]);
  const seek = (to: number) => void perform(page, seekPlayback, to);
  const onKey = (event: KeyboardEvent) => {
    const by = { ArrowLeft: -STEP_MS, ArrowDown: -STEP_MS, ArrowRight: STEP_MS, ArrowUp: STEP_MS }[event.key];
    if (by) seek(playback.state.played + by);
    else if (event.key === 'PageUp') void playback.turn(1);
    else if (event.key === 'PageDown') void playback.turn(-1);
    else if (event.key === 'Home') seek(0);
    else if (event.key === 'End') seek(timetable.duration);
    else return;
    event.preventDefault();
  };
  return (
    <div className={styles.scrubber}>
      <input
        type="range"
        aria-label={words('scrubber')}
        aria-valuetext={words('now', { turn: turnWords(playback, at, words), time: clockTime(playback.clock()) })}
        min={0}
        max={Math.max(1, Math.ceil(timetable.duration))}
        step={1}
        value={played}
        onChange={(event) => seek(Number(event.target.value))}
        onKeyDown={onKey}
      />
      <div className={styles.marks} aria-hidden="true">
        {marks.map(({ id, share, text }) => (
          <span key={id} title={text} style={{ insetInlineStart: `${100 * share}%` }} />
        ))}
      </div>
    </div>
  );
}

// The beginnings of turns as shares of the line; of a long session, those that do not lie on another one.
function marksOf(timetable: Timetable): { id: string; share: number; text: string }[] {
  const marks: { id: string; share: number; text: string }[] = [];
  let last = -1;
  for (const [at, turn] of timetable.turns.entries()) {
    const share = timetable.dueAt(turn.before + 1) / Math.max(1, timetable.duration);
    const slot = Math.round(share * MARKS_MAX);
    if (slot === last) continue;
    last = slot;
    marks.push({ id: turn.id, share, text: `${at + 1}. ${turn.text}` });
  }
  return marks;
}
