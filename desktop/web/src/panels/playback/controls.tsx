// The buttons of the playback: turns, events, play and pause, speed.

import { type ReactNode, useEffect } from 'react';
import { type Action, perform } from '../../actions/action';
import { chooseSpeed, playOrPause, stepBack, stepOn } from '../../actions/playback';
import { nextTurn, previousTurn } from '../../actions/timeline';
import { usePage } from '../../hooks';
import type { Playback } from '../../playback/playback';
import { SPEEDS } from '../../playback/speeds';
import { useWords } from '../../strings/strings';
import { Button, IconButton } from '../../ui/kit/button';
import { Select } from '../../ui/kit/select';
import styles from './playback.module.css';
import { span } from './times';
import { usePlayback } from './use_playback';

export function Controls({ playback }: { playback: Playback }): ReactNode {
  const page = usePage();
  const words = useWords('playback');
  const isPlaying = usePlayback(playback, (state) => state.isPlaying);
  const isBegin = usePlayback(playback, (state) => state.at === 0);
  const isEnd = usePlayback(playback, (state) => state.at >= playback.timetable.count);
  const speed = usePlayback(playback, (state) => state.speed);
  const { duration, trueDuration } = playback.timetable;
  // The line that said how far the journal was read had the focus, and is gone.
  useEffect(() => {
    if (!document.activeElement || document.activeElement === document.body) page.focus('playback');
  }, [page]);
  const does = (action: Action) => () => void perform(page, action, undefined);
  return (
    <div className={styles.controls} role="group" aria-label={words('controls')}>
      <IconButton label={words('previous')} disabled={isBegin} onClick={does(previousTurn)}>
        «
      </IconButton>
      <IconButton label={words('back')} disabled={isBegin} onClick={does(stepBack)}>
        ‹
      </IconButton>
      <Button look="primary" data-focus="playback" className={styles.play} onClick={does(playOrPause)}>
        <span aria-hidden="true">{isPlaying ? '‖' : '▷'}</span> {words(isPlaying ? 'pauseButton' : isEnd ? 'again' : 'play')}
      </Button>
      <IconButton label={words('on')} disabled={isEnd} onClick={does(stepOn)}>
        ›
      </IconButton>
      <IconButton label={words('next')} disabled={isEnd} onClick={does(nextTurn)}>
        »
      </IconButton>
      <Select
        label={words('speed')}
        value={String(speed)}
        onChoose={(chosen) => {
          const found = SPEEDS.find((each) => String(each) === chosen);
          if (found) void perform(page, chooseSpeed, found);
        }}
        options={SPEEDS.map((each) => ({ value: String(each), label: words('times', { speed: String(each) }) }))}
      />
      <span className={`dim num ${styles.took}`}>{words('took', { played: span(duration), truly: span(trueDuration) })}</span>
    </div>
  );
}
