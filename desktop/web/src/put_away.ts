// What a line of the stream of all sessions says about where its session is.

import type { AnyEvent } from './protocol';

export interface Moved {
  sid: string;
  // listed: it came back. archived: it left the list and can still be opened. away: it is in the trash, or pruned.
  to: 'listed' | 'archived' | 'away';
}

const MOVES = /^\{"seq":\d+,"event":"session\.updated".*"(?:trashed|pruned|archived)":/;

// Null for nearly all lines.
export function movedBy(line: string): Moved | null {
  if (!MOVES.test(line)) return null;
  const event = JSON.parse(line) as AnyEvent;
  if (event.event !== 'session.updated' || !event.sid) return null;
  const { trashed, pruned, archived } = event.changes as Record<string, unknown>;
  if (trashed === true || pruned === true) return { sid: event.sid, to: 'away' };
  if (archived === true) return { sid: event.sid, to: 'archived' };
  return trashed === false || archived === false ? { sid: event.sid, to: 'listed' } : null;
}
