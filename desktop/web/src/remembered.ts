// What the page keeps between visits for one person on one machine: how it looks, and what was looked at. No secret, nothing that the daemon owns.

import type { Session } from './protocol';

export const RAIL_MIN_PX = 200;
export const RAIL_MAX_PX = 360;
export const RAIL_PX = 248;
const SEEN_MAX = 2_000;

export type Grouping = 'folder' | 'date';

export interface Remembered {
  railPx: number;
  isRailHidden: boolean;
  grouping: Grouping;
  // Folders whose sessions are folded away.
  closedFolders: string[];
  // Ids of the actions that were taken from the palette last.
  recentActions: string[];
  // Where the last session was begun; '' before the first one.
  folder: string;
  // When the page was first used (ISO), and for each session the ending that was on the screen last: see `isUnread`.
  since: string;
  seen: Record<string, number>;
}

// What was kept, as far as it can be used. `now` begins the time from which endings count as unread.
export function remembered(kept: unknown, now: Date): Remembered {
  const from = typeof kept === 'object' && kept !== null ? (kept as Partial<Record<keyof Remembered, unknown>>) : {};
  return {
    railPx: railPx(typeof from.railPx === 'number' ? from.railPx : RAIL_PX),
    isRailHidden: from.isRailHidden === true,
    grouping: from.grouping === 'date' ? 'date' : 'folder',
    closedFolders: texts(from.closedFolders),
    recentActions: texts(from.recentActions),
    folder: typeof from.folder === 'string' ? from.folder : '',
    since: typeof from.since === 'string' ? from.since : now.toISOString(),
    seen: typeof from.seen === 'object' && from.seen !== null ? Object.fromEntries(Object.entries(from.seen).filter(([, seq]) => typeof seq === 'number')) : {},
  };
}

function texts(kept: unknown): string[] {
  return Array.isArray(kept) ? kept.filter((each) => typeof each === 'string') : [];
}

export function railPx(wanted: number): number {
  return Math.round(Math.min(RAIL_MAX_PX, Math.max(RAIL_MIN_PX, wanted || RAIL_PX)));
}

// Whether a turn of the session has ended since it was on the screen.
export function isUnread(known: Remembered, session: Session): boolean {
  const ended = session.endedSeq ?? 0;
  if (!ended) return false;
  const seen = known.seen[session.id];
  return seen === undefined ? session.lastActivityAt > known.since : ended > seen;
}

// The session was on the screen as it is now. Sessions that were looked at long ago are forgotten first.
export function afterLook(known: Remembered, session: Session): Remembered {
  const ended = session.endedSeq ?? 0;
  if (known.seen[session.id] === ended) return known;
  const { [session.id]: _, ...others } = known.seen;
  const entries = Object.entries(others).slice(-(SEEN_MAX - 1));
  return { ...known, seen: Object.fromEntries([...entries, [session.id, ended]]) };
}

export function withSwitched(list: readonly string[], entry: string): string[] {
  return list.includes(entry) ? list.filter((each) => each !== entry) : [...list, entry];
}
