// Actions on one hunk of what a turn changed in a file: take it back, make it again, say something about it.

import { draft, withDraft } from '../state';
import type { Turn } from '../transcript';
import { holds } from '../transcript_undo';
import type { Hunk } from '../ui/diff_hunks';
import type { Action } from './action';
import { say } from '../strings/spoken';

export interface HunkOfTurn {
  turn: Turn;
  path: string;
  hunk: Hunk;
}

export const undoHunk: Action<HunkOfTurn> = {
  id: 'hunk.undo',
  name: 'Undo one hunk of what a turn changed in a file',
  label: 'Undo hunk',
  keys: [],
  when: (_, { turn, path, hunk }) => turn.endedAt !== '' && !turn.undone.includes(path) && !isHunkUndone(turn, path, hunk),
  run: async (page, { turn, path, hunk }) => {
    await page.daemon.undo(page.state.selected, 'undo', { turnId: turn.id, hunks: [{ path, lines: hunk.lines }] });
  },
};

export const redoHunk: Action<HunkOfTurn> = {
  id: 'hunk.redo',
  name: 'Make one hunk that was undone again',
  label: 'Redo hunk',
  keys: [],
  when: (_, { turn, path, hunk }) => isHunkUndone(turn, path, hunk),
  run: async (page, { turn, path, hunk }) => {
    await page.daemon.undo(page.state.selected, 'redo', { turnId: turn.id, hunks: [{ path, lines: hunk.lines }] });
  },
};

// The words and the hunk go into the message that is being written, where they can be read and changed before they are sent.
export const commentHunk: Action<HunkOfTurn & { words: string }> = {
  id: 'hunk.comment',
  name: 'Comment on a hunk in the next message',
  label: 'Add to the next message',
  keys: [],
  when: (_, { words }) => words.trim() !== '',
  run: (page, { turn, path, hunk, words }) => {
    const before = draft(page.state).trimEnd();
    page.set(withDraft(page.state, page.state.selected, `${before}${before ? '\n\n' : ''}${quoted(turn, path, hunk)}\n${words.trim()}\n`));
  },
};

export function isHunkUndone(turn: Turn, path: string, hunk: Hunk): boolean {
  return holds(turn.undoneHunks, { path, lines: hunk.lines });
}

function quoted(turn: Turn, path: string, hunk: Hunk): string {
  const longest = Math.max(2, ...[...hunk.text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${say('changes')('about', { path, turn: turn.id })}\n${fence}diff\n${hunk.text}\n${fence}`;
}
