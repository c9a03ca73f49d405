// What the timeline is asked to show: the end, a turn, or the event with a seq. A new object is a new request.

import type { Route } from './routes';
import type { Transcript, Turn } from './transcript';

export type Reveal =
  | { at: 'end' }
  // With `takesFocus`, for those who walk with the keyboard.
  | { at: 'turn'; turn: string; takesFocus?: boolean }
  // `isQuiet`: something else marks it.
  | { at: 'seq'; seq: number; isQuiet?: boolean };

// What an address names; null when it names the session alone.
export function revealOf(route: Route): Reveal | null {
  if (route.view !== 'session') return null;
  if (route.turn) return { at: 'turn', turn: route.turn };
  return route.seq === undefined ? null : { at: 'seq', seq: route.seq };
}

// The turn in which a request is found; undefined for the end, and while it is not read.
export function revealedTurn(transcript: Transcript, reveal: Reveal | null): Turn | undefined {
  if (reveal?.at === 'turn') return transcript.turns.find((turn) => turn.id === reveal.turn);
  if (reveal?.at === 'seq') return transcript.turns.findLast((turn) => turn.seq <= reveal.seq);
  return undefined;
}
