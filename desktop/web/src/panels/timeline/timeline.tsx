import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { goToEnd } from '../../actions/timeline';
import { useIsPlayback, usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Transcript } from '../../transcript';
import { FindBar } from './find_bar';
import styles from './timeline.module.css';
import { TurnList } from './turn_list';
import { Welcome } from '../first_run/welcome';

// The open session. Nothing of the one before stays: where it was scrolled to, what was new in it.
export function Timeline(): ReactNode {
  return <OpenSession key={usePageState((state) => state.selected)} />;
}

// Its turns, or a welcome while it has none.
function OpenSession(): ReactNode {
  const words = useWords('timeline');
  // The list is drawn once what it scrolls in is there.
  const [scroller, setScroller] = useState<HTMLElement | null>(null);
  const isEmpty = usePageState((state) => state.transcript.turns.length === 0);
  const isPlayback = useIsPlayback();
  const isFindOpen = usePageState((state) => state.isFindOpen);
  // Up to which event the person has seen it, once they have left the end.
  const [leftAt, setLeftAt] = useState<number | null>(null);
  const page = usePage();
  const onEnd = (isAtEnd: boolean) => setLeftAt((before) => (isAtEnd ? null : (before ?? page.state.transcript.lastSeq)));
  return (
    <div className={styles.frame}>
      {isFindOpen && scroller ? <FindBar scroller={scroller} /> : null}
      <div className={styles.scroller} ref={setScroller} role="log" aria-live="off" aria-label={words('label')} tabIndex={0} data-scope="timeline">
        {isEmpty && isPlayback ? <p className={styles.day}>{words('beforeFirst')}</p> : isEmpty ? <Welcome /> : scroller ? <TurnList scroller={scroller} onEnd={onEnd} /> : null}
      </div>
      {leftAt === null || isEmpty ? null : <Jump leftAt={leftAt} />}
    </div>
  );
}

function Jump({ leftAt }: { leftAt: number }): ReactNode {
  const page = usePage();
  const words = useWords('timeline');
  const count = usePageState((state) => newSince(state.transcript, leftAt));
  return (
    <button type="button" className={styles.jump} onClick={() => void perform(page, goToEnd, undefined)}>
      ⌄ {words('jump', { count })}
    </button>
  );
}

// Prompts, answers and calls that came after an event.
function newSince({ turns }: Transcript, seq: number): number {
  let count = 0;
  for (let at = turns.length - 1; at >= 0; at -= 1) {
    const turn = turns[at];
    if (!turn) break;
    if (turn.seq > seq) count += 1;
    for (const step of turn.steps) count += (step.seq > seq ? 1 : 0) + step.calls.filter((call) => call.seq > seq).length;
    if (turn.seq <= seq) break;
  }
  return count;
}
