// Where the playback is: the turn, the event, the true time; and whether a pause is being shortened.

import type { ReactNode } from 'react';
import type { Playback } from '../../playback/playback';
import { useWords } from '../../strings/strings';
import { clockTime, span } from './times';
import styles from './playback.module.css';
import { usePlayback } from './use_playback';

export function Position({ playback }: { playback: Playback }): ReactNode {
  const words = useWords('playback');
  const at = usePlayback(playback, (state) => state.at);
  const event = usePlayback(playback, (state) => state.event);
  // In whole seconds of the session, which is as often as they are drawn.
  const second = usePlayback(playback, ({ played }) => Math.floor(playback.timetable.clockAt(played) / 1_000));
  const pause = usePlayback(playback, ({ played, isPlaying }) => (isPlaying ? playback.timetable.pauseAt(played) : null));
  const { count, pauses } = playback.timetable;
  return (
    <p className={`dim num ${styles.position}`}>
      <span>{turnWords(playback, at, words)}</span>
      <span>
        {words('event', { at, count })}
        {event ? (
          <>
            {' '}
            <code>{event}</code>
          </>
        ) : null}
      </span>
      <time dateTime={new Date(second * 1_000).toISOString()}>{clockTime(second * 1_000)}</time>
      {pause ? <span className="warn">‖ {words('pause', { ms: span(pause.ms) })}</span> : pauses.length ? <span>{words('pauses', { count: pauses.length })}</span> : null}
    </p>
  );
}

export function turnWords(playback: Playback, at: number, words: ReturnType<typeof useWords<'playback'>>): string {
  const turn = playback.timetable.turnAt(at) + 1;
  return turn ? words('turn', { turn, turns: playback.timetable.turns.length }) : words('noTurn');
}
