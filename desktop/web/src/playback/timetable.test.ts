import { expect, test } from 'vitest';
import type { AnyEvent } from '../protocol';
import { PAUSE_MS_MAX, Timetable } from './timetable';

// Events at seconds after a full hour; a name is the event's.
function timetable(...events: [seconds: number, event?: string, turn?: string][]): Timetable {
  const made = new Timetable();
  for (const [seconds, event = 'turn.token', turn = 't1'] of events) made.add({ event, turn, text: `about ${turn}`, delta: 'x', ts: new Date(Date.UTC(2026, 10, 30, 8) + seconds * 1_000).toISOString() } as unknown as AnyEvent);
  return made;
}

const HOUR = Date.UTC(2026, 10, 30, 8);

test('events are due as far apart as they were, and a long pause takes its most', () => {
  const made = timetable([0], [0.5], [600], [601]);
  expect([1, 2, 3, 4].map((count) => made.dueAt(count))).toEqual([0, 500, 500 + PAUSE_MS_MAX, 1_500 + PAUSE_MS_MAX]);
  expect(made.pauses).toEqual([{ from: 500, ms: 599_500 }]);
  expect([made.duration, made.trueDuration]).toEqual([1_500 + PAUSE_MS_MAX, 601_000]);
});

test('every time of the playback shows the events that are due', () => {
  const made = timetable([0], [1], [1], [2]);
  expect([-1, 0, 999, 1_000, 1_999, 2_000, 9_999].map((played) => made.countAt(played))).toEqual([0, 1, 1, 3, 3, 4, 4]);
  expect(made.dueAt(0)).toBe(0);
});

test('the clock shows the true time, and runs faster through a shortened pause', () => {
  const made = timetable([0], [1], [61], [62]);
  expect(made.clockAt(500)).toBe(HOUR + 500);
  expect(made.clockAt(1_000 + PAUSE_MS_MAX / 2)).toBe(HOUR + 31_000);
  expect(made.clockAt(made.duration)).toBe(HOUR + 62_000);
  expect(made.pauseAt(999)).toBeNull();
  expect(made.pauseAt(1_500)).toEqual({ from: 1_000, ms: 60_000 });
  expect(made.pauseAt(1_000 + PAUSE_MS_MAX)).toBeNull();
});

test('a clock that was set back, and a line without a time, do not go back', () => {
  const made = timetable([5], [3], [6]);
  made.add({ event: 'turn.token', turn: 't1', delta: 'x' } as unknown as AnyEvent);
  expect([1, 2, 3, 4].map((count) => made.dueAt(count))).toEqual([0, 0, 1_000, 1_000]);
});

test('each turn is known by the events before it', () => {
  const made = timetable([0, 'session.start', ''], [1, 'turn.start'], [2], [3, 'turn.start', 't2']);
  expect(made.turns).toEqual([
    { id: 't1', before: 1, text: 'about t1' },
    { id: 't2', before: 3, text: 'about t2' },
  ]);
  expect([0, 1, 2, 3, 4].map((count) => made.turnAt(count))).toEqual([-1, -1, 0, 0, 1]);
});

test('a session without events has no duration', () => {
  const made = new Timetable();
  expect([made.duration, made.trueDuration, made.countAt(5), made.turnAt(0), made.clockAt(0)]).toEqual([0, 0, 0, -1, 0]);
  expect(made.pauseAt(0)).toBeNull();
});
