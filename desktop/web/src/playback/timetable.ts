// When each event of a session is played: its true time, and its time in a playback in which long pauses are short.

import type { AnyEvent } from '../protocol';

// A longer pause between two events is played as this long.
export const PAUSE_MS_MAX = 2_000;
const PROMPT_CHARS = 80;

export interface TurnMark {
  id: string;
  // How many events come before its first one.
  before: number;
  // The beginning of its prompt.
  text: string;
}

export interface Pause {
  // Played milliseconds at which it begins, and how long it truly was.
  from: number;
  ms: number;
}

export class Timetable {
  readonly turns: TurnMark[] = [];
  readonly pauses: Pause[] = [];
  // Of each event: milliseconds of the clock, and of the playback.
  private readonly times: number[] = [];
  private readonly due: number[] = [];

  get count(): number {
    return this.due.length;
  }

  // How long the playback takes at 1x, and how long the session truly took.
  get duration(): number {
    return this.due.at(-1) ?? 0;
  }

  get trueDuration(): number {
    return (this.times.at(-1) ?? 0) - (this.times[0] ?? 0);
  }

  add(event: AnyEvent): void {
    const last = this.times.at(-1);
    const read = Date.parse(event.ts ?? '');
    // The clock of the machine may have been set back, and an old line may have no time.
    const time = last === undefined ? read || 0 : Math.max(last, read || 0);
    const pause = last === undefined ? 0 : time - last;
    const from = this.duration;
    if (pause > PAUSE_MS_MAX) this.pauses.push({ from, ms: pause });
    this.times.push(time);
    this.due.push(from + Math.min(pause, PAUSE_MS_MAX));
    if (event.event === 'turn.start') this.turns.push({ id: event.turn ?? '', before: this.count - 1, text: promptOf(event) });
  }

  // How many events are due at a time of the playback.
  countAt(played: number): number {
    return upTo(this.due, played);
  }

  // When the last of `count` events is due.
  dueAt(count: number): number {
    return this.due[Math.min(count, this.count) - 1] ?? 0;
  }

  // The true time at a time of the playback, in milliseconds. In a shortened pause it runs faster.
  clockAt(played: number): number {
    const before = Math.max(0, this.countAt(played) - 1);
    const [time = 0, due = 0] = [this.times[before], this.due[before]];
    const [next, nextDue] = [this.times[before + 1], this.due[before + 1]];
    if (next === undefined || nextDue === undefined || nextDue <= due) return time;
    return time + ((next - time) * Math.max(0, played - due)) / (nextDue - due);
  }

  // The shortened pause that is played now.
  pauseAt(played: number): Pause | null {
    const pause = this.pauses[upTo(this.pauses, played, ({ from }) => from) - 1];
    return pause && played < pause.from + PAUSE_MS_MAX ? pause : null;
  }

  // The turn that the first `count` events have come to: its index, -1 before the first one.
  turnAt(count: number): number {
    return upTo(this.turns, count - 1, ({ before }) => before) - 1;
  }
}

function promptOf(event: Extract<AnyEvent, { event: 'turn.start' }>): string {
  return (event.command || event.text).slice(0, PROMPT_CHARS);
}

// How many of the sorted items are at most `limit`.
function upTo<Item>(items: readonly Item[], limit: number, timeOf: (item: Item) => number = Number): number {
  let [low, high] = [0, items.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (timeOf(items[middle] as Item) <= limit) low = middle + 1;
    else high = middle;
  }
  return low;
}
