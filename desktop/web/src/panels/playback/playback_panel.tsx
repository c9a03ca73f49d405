// A session that is played back: the same timeline on a stage of its own, and the controls in the place of the composer.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { togglePlayback } from '../../actions/playback';
import { PageProvider, usePage, usePageState } from '../../hooks';
import type { Playback } from '../../playback/playback';
import { percent as percentText } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { openQuestions } from '../permission/open_questions';
import { Timeline } from '../timeline/timeline';
import { Todo } from '../todo/todo';
import { Controls } from './controls';
import styles from './playback.module.css';
import { Scrubber } from './scrubber';
import { usePlayback } from './use_playback';
import { Button } from '../../ui/kit/button';
import { Position } from './position';

export function PlaybackPanel({ playback }: { playback: Playback }): ReactNode {
  return (
    <>
      <PageProvider page={playback.stage}>
        <Timeline />
      </PageProvider>
      <div className="dock">
        <PageProvider page={playback.stage}>
          <Todo />
        </PageProvider>
        <Bar playback={playback} />
      </div>
    </>
  );
}

function Bar({ playback }: { playback: Playback }): ReactNode {
  const words = useWords('playback');
  const status = usePlayback(playback, (state) => state.status);
  return (
    <section className={styles.bar} aria-label={words('label')}>
      <div className={styles.head}>
        <strong className={styles.mark} title={words('markHint')}>
          <span aria-hidden="true">▷</span> {words('mark')}
        </strong>
        <Since playback={playback} />
        <Leave />
      </div>
      {status === 'ready' ? (
        <>
          <Position playback={playback} />
          <Scrubber playback={playback} />
          <Controls playback={playback} />
        </>
      ) : (
        <Reading playback={playback} />
      )}
    </section>
  );
}

function Leave(): ReactNode {
  const page = usePage();
  const words = useWords('playback');
  return (
    <Button size="small" className={styles.leave} onClick={() => void perform(page, togglePlayback, undefined)}>
      {words('leave')}
    </Button>
  );
}

function Reading({ playback }: { playback: Playback }): ReactNode {
  const words = useWords('playback');
  const problem = usePlayback(playback, (state) => state.problem);
  const percent = usePlayback(playback, ({ read, total }) => Math.floor((100 * read) / Math.max(1, total)));
  if (problem)
    return (
      <p className="err" role="alert">
        {words('failed', { problem })}
      </p>
    );
  return (
    <p className="dim num" tabIndex={-1} data-focus="playback">
      {words('reading', { percent: percentText(percent, 0) })}
    </p>
  );
}

// What has happened in the session since its playback began.
function Since({ playback }: { playback: Playback }): ReactNode {
  const words = useWords('playback');
  const total = usePlayback(playback, (state) => state.total);
  const count = usePageState((state) => state.transcript.lastSeq) - total;
  const asks = usePageState((state) => state.version >= 0 && openQuestions(state.transcript, state.childAsks).length > 0);
  if (asks)
    return (
      <p className="warn" role="status">
        ◆ {words('needsYou')}
      </p>
    );
  return count > 0 ? <p className="dim num">{words('goesOn', { count })}</p> : null;
}
