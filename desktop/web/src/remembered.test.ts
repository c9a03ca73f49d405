import { expect, test } from 'vitest';
import type { Session } from './protocol';
import { afterLook, isUnread, RAIL_MAX_PX, RAIL_PX, remembered } from './remembered';

const NOW = new Date('2026-01-02T00:00:00Z');
const session = (fields: Partial<Session>) => ({ id: 'a', endedSeq: 0, lastActivityAt: '2026-01-03T00:00:00Z', ...fields }) as Session;

test.each([null, 'text', { railPx: 'wide', seen: 5, grouping: 'colour', closedFolders: [3] }])('what cannot be used of what was kept is left out: %j', (kept) => {
  expect(remembered(kept, NOW)).toEqual({ railPx: RAIL_PX, isRailHidden: false, grouping: 'folder', closedFolders: [], recentActions: [], folder: '', since: NOW.toISOString(), seen: {} });
});

test('a width outside of what is possible is brought inside', () => {
  expect([remembered({ railPx: 9_000 }, NOW).railPx, remembered({ railPx: Number.NaN }, NOW).railPx]).toEqual([RAIL_MAX_PX, RAIL_PX]);
});

test('a session is unread from the end of a turn until it was on the screen', () => {
  const known = remembered(null, NOW);
  expect(isUnread(known, session({}))).toBe(false);
  expect(isUnread(known, session({ endedSeq: 5 }))).toBe(true);
  const looked = afterLook(known, session({ endedSeq: 5 }));
  expect(isUnread(looked, session({ endedSeq: 5 }))).toBe(false);
  expect(isUnread(looked, session({ endedSeq: 9 }))).toBe(true);
});

test('what ended before the page was first used is not unread', () => {
  expect(isUnread(remembered(null, NOW), session({ endedSeq: 5, lastActivityAt: '2026-01-01T00:00:00Z' }))).toBe(false);
});

test('a look that changes nothing makes no new object, so that nothing is drawn or kept again', () => {
  const known = afterLook(remembered(null, NOW), session({ endedSeq: 5 }));
  expect(afterLook(known, session({ endedSeq: 5 }))).toBe(known);
});

test('only so many sessions are kept, those that were looked at last', () => {
  let known = remembered(null, NOW);
  for (let number = 0; number < 2_100; number += 1) known = afterLook(known, session({ id: `s${number}`, endedSeq: 1 }));
  expect([Object.keys(known.seen).length, 's0' in known.seen, 's2099' in known.seen]).toEqual([2_000, false, true]);
});
