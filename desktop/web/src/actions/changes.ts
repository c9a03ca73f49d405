// Actions on what turns changed in files: take it back, make it again, in all files or in one.

import type { Transcript, Turn } from '../transcript';
import type { Action } from './action';

interface FileOfTurn {
  turn: Turn;
  path: string;
}

export const undoTurn: Action<Turn> = {
  id: 'turn.undo',
  name: 'Undo the file changes of a turn',
  label: 'Undo',
  keys: [],
  when: (_, turn) => turn.endedAt !== '' && changedFiles(turn).some((path) => !turn.undone.includes(path)),
  run: async (page, turn) => {
    await page.daemon.undo(page.state.selected, 'undo', { turnId: turn.id });
  },
};

// Where all cannot be undone, because a file was changed since in the same place.
export const undoTurnPartly: Action<Turn> = {
  id: 'turn.undo.partly',
  name: 'Undo those file changes of a turn that can be undone',
  label: 'Undo the others',
  keys: [],
  when: undoTurn.when,
  run: async (page, turn) => {
    await page.daemon.undo(page.state.selected, 'undo', { turnId: turn.id, partly: true });
  },
};

export const redoTurn: Action<Turn> = {
  id: 'turn.redo',
  name: 'Make the undone file changes of a turn again',
  label: 'Redo',
  keys: [],
  when: (_, turn) => turn.endedAt !== '' && undonePaths(turn).length > 0,
  run: async (page, turn) => {
    await page.daemon.undo(page.state.selected, 'redo', { turnId: turn.id });
  },
};

export const undoFile: Action<FileOfTurn> = {
  id: 'file.undo',
  name: 'Undo what a turn changed in a file',
  label: 'Undo',
  keys: [],
  when: (_, { turn, path }) => turn.endedAt !== '' && !turn.undone.includes(path),
  run: async (page, { turn, path }) => {
    await page.daemon.undo(page.state.selected, 'undo', { turnId: turn.id, paths: [path] });
  },
};

export const redoFile: Action<FileOfTurn> = {
  id: 'file.redo',
  name: 'Make what a turn changed in a file again',
  label: 'Redo',
  keys: [],
  when: (_, { turn, path }) => turn.undone.includes(path),
  run: async (page, { turn, path }) => {
    await page.daemon.undo(page.state.selected, 'redo', { turnId: turn.id, paths: [path] });
  },
};

// Paths that a turn's file tools and commands changed, each once; without those that only a command in the background may have changed.
export function changedFiles(turn: Turn): string[] {
  const calls = turn.steps.flatMap((step) => step.calls);
  const changes = calls.flatMap((call) => [...call.changes, ...call.effects.filter((effect) => !effect.background).flatMap((effect) => effect.changes)]);
  return [...new Set(changes.map((change) => change.path))];
}

// Paths that the turns of a session changed, each once. A turn that has ended is looked at once, so this may be asked with every event.
const known = new WeakMap<Transcript, { turns: number; paths: Set<string> }>();

export function sessionPaths(transcript: Transcript): ReadonlySet<string> {
  const seen = known.get(transcript) ?? { turns: 0, paths: new Set<string>() };
  known.set(transcript, seen);
  for (let turn = transcript.turns[seen.turns]; turn; turn = transcript.turns[seen.turns]) {
    for (const path of changedFiles(turn)) seen.paths.add(path);
    if (!turn.endedAt) break;
    seen.turns += 1;
  }
  return seen.paths;
}

// Files of which anything was undone.
export function undonePaths(turn: Turn): string[] {
  return [...new Set([...turn.undone, ...turn.undoneHunks.map((hunk) => hunk.path)])];
}

// How many changes of commands are not in the list above, and whether there is anything to show.
export function moreChanges(turn: Turn): number {
  return turn.steps.flatMap((step) => step.calls.flatMap((call) => call.effects)).reduce((sum, effect) => sum + effect.more, 0);
}

export function hasChanges(turn: Turn): boolean {
  return turn.steps.some((step) => step.calls.some((call) => call.changes.length > 0 || call.effects.length > 0));
}
