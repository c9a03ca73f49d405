import { useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { openParent } from '../../actions/forks';
import { usePage, usePageState } from '../../hooks';
import type { Note } from '../../transcript';
import { TurnView } from './turn';
import { Welcome } from './welcome';

// So near the end, the timeline follows new text.
const FOLLOW_PX = 60;

// Above the turns of a sub-agent: what started it.
function StartedBy({ parent }: { parent: string }): ReactNode {
  return (
    <p className="dim forked">
      ↳ sub-agent of s-{parent} <ActionButton action={openParent} argument={undefined} className="quiet" />
    </p>
  );
}

// Where a fork goes on by itself.
function ForkedHere({ parent }: { parent: string }): ReactNode {
  return (
    <p className="dim forked">
      ↳ forked here from s-{parent} <ActionButton action={openParent} argument={undefined} className="quiet" />
    </p>
  );
}

// Notes that were written after a turn began and before the next one.
function Notes({ notes, after, before }: { notes: readonly Note[]; after: number; before: number }): ReactNode {
  return notes
    .filter((note) => note.seq > after && note.seq < before)
    .map((note) => (
      <aside key={note.seq} className="note" aria-label={note.kind}>
        <strong>{note.kind}</strong>
        <p>{note.text}</p>
      </aside>
    ));
}

export function Timeline(): ReactNode {
  const transcript = usePageState((state) => state.transcript);
  const version = usePageState((state) => state.version);
  const scroller = useRef<HTMLDivElement>(null);
  const page = usePage();
  const sid = usePageState((state) => state.selected);
  const [isFollowing, setFollowing] = useState(true);
  // Where this session was left, until enough of it is there to go back to.
  const leftAt = useRef<number | undefined>(undefined);
  const lastTop = useRef(0);
  const turns = transcript.turns;
  const virtualizer = useVirtualizer({
    count: turns.length,
    getScrollElement: () => scroller.current,
    estimateSize: () => 160,
    overscan: 4,
    gap: 20,
    getItemKey: (at) => turns[at]?.id ?? at,
  });
  const height = virtualizer.getTotalSize();

  useEffect(() => {
    leftAt.current = page.kept.scroll(sid);
    setFollowing(leftAt.current === undefined);
  }, [page, sid]);

  useEffect(() => {
    const element = scroller.current;
    if (!element) return;
    if (leftAt.current !== undefined && element.scrollHeight - element.clientHeight >= leftAt.current) {
      element.scrollTop = leftAt.current;
      leftAt.current = undefined;
    } else if (isFollowing) element.scrollTop = element.scrollHeight;
    lastTop.current = element.scrollTop;
  }, [version, height, isFollowing]);

  const onScroll = () => {
    const element = scroller.current;
    if (!element || leftAt.current !== undefined) return;
    const isAtEnd = element.scrollHeight - element.scrollTop - element.clientHeight < FOLLOW_PX;
    // Only a person scrolls up. New or measured turns below leave the end behind without that.
    const isUp = element.scrollTop < lastTop.current;
    lastTop.current = element.scrollTop;
    const follows = isAtEnd || (isFollowing && !isUp);
    page.kept.setScroll(sid, follows ? undefined : element.scrollTop);
    setFollowing(follows);
  };
  return (
    <div className="timeline-frame">
      <div className="timeline" ref={scroller} onScroll={onScroll} role="log" aria-live="off" aria-label="Timeline" tabIndex={0}>
        <div className="column" style={{ height, position: 'relative' }}>
          {virtualizer.getVirtualItems().map((item) => {
            const turn = turns[item.index];
            return turn ? (
              <div key={item.key} data-index={item.index} ref={virtualizer.measureElement} className="row" style={{ transform: `translateY(${item.start}px)` }}>
                {transcript.parentCall && item.index === 0 ? <StartedBy parent={transcript.parent} /> : null}
                {transcript.parent && !transcript.parentTurn && item.index === 0 ? <ForkedHere parent={transcript.parent} /> : null}
                <TurnView turn={turn} version={turn.version} at={item.index + 1} of={turns.length} />
                {transcript.parent && !transcript.parentCall && transcript.parentTurn === turn.id ? <ForkedHere parent={transcript.parent} /> : null}
                <Notes notes={transcript.notes} after={turn.seq} before={turns[item.index + 1]?.seq ?? Infinity} />
              </div>
            ) : null;
          })}
        </div>
        {turns.length ? null : <Welcome />}
      </div>
      {isFollowing ? null : (
        <button type="button" className="jump" onClick={() => setFollowing(true)}>
          ⌄ Jump to end
        </button>
      )}
    </div>
  );
}
