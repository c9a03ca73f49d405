// What was undone of a turn's changes, by files and by hunks. Gives the same as `shared/opta_core/transcript_undo.py`.

import { byCodePoint } from './file_names';
import type { FileHunk, TurnRedone, TurnUndone } from './protocol';
import type { Turn } from './transcript_parts';

// A file that is undone as a whole is made again as a whole, unless its hunks were undone one by one.
export function noteUndone(turn: Turn, event: TurnUndone): void {
  const hunks = event.hunks ?? [];
  const named = new Set(hunks.map((hunk) => hunk.path));
  turn.undone = [...new Set([...turn.undone, ...event.files])].sort(byCodePoint);
  turn.undoneAt = event.seq ?? 0;
  turn.undoneHunks = [...turn.undoneHunks.filter((each) => !holds(hunks, each) && (named.has(each.path) || !event.files.includes(each.path))), ...hunks];
}

export function noteRedone(turn: Turn, event: TurnRedone): void {
  const hunks = event.hunks ?? [];
  const again = new Set([...event.files, ...hunks.map((hunk) => hunk.path)]);
  turn.undone = turn.undone.filter((file) => !again.has(file));
  turn.undoneHunks = turn.undoneHunks.filter((each) => !holds(hunks, each) && !event.files.includes(each.path));
}

// What an undo or a redo was about: files, and hunks of others by their line ranges.
export function undoneNames(event: TurnUndone | TurnRedone): string[] {
  return [...event.files, ...(event.hunks ?? []).filter((hunk) => !event.files.includes(hunk.path)).map((hunk) => `${hunk.path} ${hunk.lines}`)];
}

export function holds(hunks: readonly FileHunk[], wanted: FileHunk): boolean {
  return hunks.some((hunk) => hunk.path === wanted.path && hunk.lines === wanted.lines);
}
