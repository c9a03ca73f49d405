import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type ReactNode, useCallback, useEffect, useLayoutEffect, useRef } from 'react';
import { usePage, usePageState } from '../../hooks';
import { lookOf } from '../../look';
import { type Reveal, revealedTurn } from '../../reveal';
import { useWords } from '../../strings/strings';
import { AfterTurn, BeforeFirst, Day } from './between_turns';
import { partAt } from './part_at';
import { HANDS, settle } from './settle';
import { showStep } from './shown_steps';
import styles from './timeline.module.css';
import { TurnView } from './turn';
import { turnHeight } from './turn_height';
import { usePins, withPins } from './use_pins';

// So near the end, the timeline follows what is new.
export const FOLLOW_PX = 60;
const GAP_PX = { comfortable: 28, compact: 16 } as const;
const TOP_PX = 12;

interface Props {
  scroller: HTMLElement;
  // Whether the end is followed.
  onEnd: (isFollowed: boolean) => void;
}

// The turns of one session. Only those near the window are drawn; heights above it change without moving what is read, and at the end
// the window follows. Draw another one for another session.
export function TurnList({ scroller, onEnd }: Props): ReactNode {
  const page = usePage();
  const words = useWords('timeline');
  const sid = usePageState((state) => state.selected);
  const transcript = usePageState((state) => state.transcript);
  const earlier = usePageState((state) => state.earlier);
  const reveal = usePageState((state) => state.reveal);
  const density = usePageState((state) => lookOf(state.choices).density);
  // Whether the window follows what is new while a person is at the end.
  const follows = usePageState((state) => state.choices.autoscroll !== 'off');
  // New turns, notes and remarks.
  usePageState((state) => state.version);
  const pins = usePins(scroller);
  const { turns } = transcript;
  const shown = useRef<Reveal | 'spot' | null>(null);
  const isFollowing = useRef(true);
  // Where the window was and how tall the turns were, when last looked at.
  const seen = useRef<Seen>({ top: 0, height: 0 });
  const keyOf = useCallback((at: number) => turns[at]?.id ?? at, [turns]);
  const virtualizer = useVirtualizer({
    count: turns.length,
    getScrollElement: () => scroller,
    estimateSize: (at) => (turns[at] ? turnHeight(turns[at]) : 0),
    getItemKey: keyOf,
    rangeExtractor: (range) => withPins(defaultRangeExtractor(range), pins.current, range.count),
    overscan: 2,
    gap: GAP_PX[density],
    anchorTo: 'end',
    followOnAppend: follows,
    // Below zero, nothing counts as the end that growth is followed at.
    ...(follows ? {} : { scrollEndThreshold: -1 }),
  });

  // The end, or where the person left it.
  useLayoutEffect(() => {
    if (shown.current || !turns.length || reveal) return;
    const spot = page.kept.spot(sid);
    const index = spot && !spot.isEnd ? turns.findIndex((turn) => turn.id === spot.turn) : turns.length - 1;
    // The turn is not read yet.
    if (index < 0) return;
    shown.current = 'spot';
    isFollowing.current = !spot || spot.isEnd;
    if (!spot || spot.isEnd) follows ? toEnd(scroller) : settle(scroller, () => toEnd(scroller));
    else settle(scroller, () => virtualizer.scrollToOffset((virtualizer.measurementsCache[index]?.start ?? 0) + spot.above));
  });

  // What an address or a key asks for.
  useEffect(() => {
    if (!reveal || shown.current === reveal || !turns.length) return;
    if (reveal.at === 'end') {
      shown.current = reveal;
      isFollowing.current = true;
      if (follows) toEnd(scroller);
      else settle(scroller, () => toEnd(scroller));
      return;
    }
    const turn = revealedTurn(transcript, reveal);
    const index = turn ? turns.indexOf(turn) : -1;
    // It may be among the turns that are not read yet.
    if (!turn || index < 0) return;
    shown.current = reveal;
    isFollowing.current = false;
    if (reveal.at === 'seq') showStep(page.kept, sid, turn, turn.steps.findLastIndex((step) => step.seq <= reveal.seq));
    const place = () => {
      const part = reveal.at === 'seq' ? partAt(scroller, turn.id, reveal.seq) : null;
      if (part) virtualizer.scrollToOffset(scroller.scrollTop + part.getBoundingClientRect().top - scroller.getBoundingClientRect().top - TOP_PX);
      else virtualizer.scrollToOffset((virtualizer.measurementsCache[index]?.start ?? 0) - TOP_PX);
      return part;
    };
    settle(scroller, place, () => {
      const part = place();
      if (reveal.at === 'seq' && !reveal.isQuiet) part?.setAttribute('data-revealed', 'true');
      if (reveal.at === 'turn') page.kept.setSpot(sid, { turn: turn.id, above: 0, isEnd: false, wentTo: turn.id });
      if (reveal.at === 'turn' && reveal.takesFocus) scroller.querySelector<HTMLElement>(`[data-turn="${CSS.escape(turn.id)}"]`)?.focus({ preventScroll: true });
    });
  }, [reveal, transcript, turns.length]);

  // What is new, or is measured now, does not take a person from the end.
  useLayoutEffect(() => {
    if (!shown.current) return;
    // A scroll whose event has not come yet counts, too.
    if (isLeft(scroller, seen.current)) isFollowing.current = false;
    if (follows && isFollowing.current && distance(scroller) > 1) toEnd(scroller);
    // No scroll says that what is new lies below the window.
    if (!follows) onEnd(distance(scroller) <= FOLLOW_PX);
    seen.current = { top: scroller.scrollTop, height: scroller.scrollHeight };
  });

  // Where the person is, for when they come back; whether they have left the end.
  useEffect(() => {
    let byHand = false;
    // A scroll to the end that the page began before the person went up may end after it.
    let wentUp = false;
    const onHand = (event: Event) => {
      byHand = true;
      wentUp = goesUp(event);
      // At once: what is new would take them back to the end before the scroll event comes.
      if (leaves(event, scroller)) isFollowing.current = false;
      else if (goesToEnd(event)) {
        // Not by the browser, which scrolls there step by step, to where the end was when the key came.
        event.preventDefault();
        isFollowing.current = true;
        toEnd(scroller);
      }
    };
    const onScroll = () => {
      if (isLeft(scroller, seen.current)) isFollowing.current = false;
      else if (!wentUp && distance(scroller) <= FOLLOW_PX && scroller.scrollTop > seen.current.top) isFollowing.current = true;
      seen.current = { top: scroller.scrollTop, height: scroller.scrollHeight };
      onEnd(isFollowing.current);
      const item = virtualizer.getVirtualItemForOffset(scroller.scrollTop);
      const wentTo = byHand ? undefined : page.kept.spot(sid)?.wentTo;
      byHand = false;
      if (item) page.kept.setSpot(sid, { turn: String(item.key), above: scroller.scrollTop - item.start, isEnd: isFollowing.current, ...(wentTo ? { wentTo } : {}) });
    };
    scroller.addEventListener('scroll', onScroll, { passive: true });
    for (const name of HANDS) scroller.addEventListener(name, onHand, { passive: name !== 'keydown' });
    return () => {
      scroller.removeEventListener('scroll', onScroll);
      for (const name of HANDS) scroller.removeEventListener(name, onHand);
    };
  }, [page, sid, scroller, virtualizer]);

  return (
    <div className={styles.column} style={{ height: virtualizer.getTotalSize() }}>
      {earlier ? (
        <p className={styles.unread} role="status">
          {words('earlier', { count: earlier })}
        </p>
      ) : null}
      {virtualizer.getVirtualItems().map((item) => {
        const turn = turns[item.index];
        return turn ? (
          <div key={item.key} data-index={item.index} ref={virtualizer.measureElement} className={styles.row} style={{ transform: `translateY(${item.start}px)` }}>
            {item.index === 0 && !earlier ? <BeforeFirst transcript={transcript} /> : null}
            <Day ts={turn.ts} before={turns[item.index - 1]?.ts ?? ''} />
            <TurnView turn={turn} at={earlier + item.index + 1} of={earlier + turns.length} />
            <AfterTurn transcript={transcript} index={item.index} />
          </div>
        ) : null;
      })}
    </div>
  );
}

// Whether a person begins to scroll up, or takes hold of the scroll bar.
function leaves(event: Event, element: HTMLElement): boolean {
  if (event instanceof WheelEvent || event instanceof KeyboardEvent) return goesUp(event);
  return event.type === 'touchmove' || event.target === element;
}

function goesUp(event: Event): boolean {
  if (event instanceof WheelEvent) return event.deltaY < 0;
  return event instanceof KeyboardEvent && ['ArrowUp', 'PageUp', 'Home'].includes(event.key);
}

// Whether a person asks for the end with the key that means it, and not for the end of a line that they write.
function goesToEnd(event: Event): boolean {
  return event instanceof KeyboardEvent && event.key === 'End' && !(event.target instanceof HTMLElement && event.target.matches('input, textarea, [contenteditable]'));
}

interface Seen {
  top: number;
  height: number;
}

// Whether the window went up from the end while nothing became shorter: only a person does that, or what acts for them.
function isLeft(scroller: HTMLElement, seen: Seen): boolean {
  return distance(scroller) > FOLLOW_PX && scroller.scrollTop < seen.top - 1 && scroller.scrollHeight >= seen.height;
}

// Not by a command of the virtualiser, which would repeat it until nothing grows any more.
function toEnd(scroller: HTMLElement): void {
  scroller.scrollTop = scroller.scrollHeight;
}

// How far the end is below the window.
function distance(element: HTMLElement): number {
  return element.scrollHeight - element.scrollTop - element.clientHeight;
}
