// Actions on the git worktree that a session works in.

import { DaemonError } from '../http_connection';
import type { Page } from '../page';
import type { State, WorktreeAsked } from '../state';
import type { Action } from './action';
import { say } from '../strings/spoken';

// Before the first message of a session in a folder.
export const toggleWorktree: Action = {
  id: 'worktree.toggle',
  name: 'Work in a git worktree beside the repository',
  label: 'Worktree',
  keys: [],
  when: (state) => state.selected !== '' && state.transcript.cwd !== '' && !state.transcript.worktree && !state.transcript.turns.length && !state.isSending,
  run: (page) => page.set({ wantsWorktree: !page.state.wantsWorktree }),
};

// With `true`: also what was asked about.
export const mergeWorktree = ending('merge', "Merge the worktree into the repository's branch, and remove it", 'Merge');
export const dropWorktree = ending('drop', 'Remove the worktree and its branch', 'Drop');

export const keepWorktree: Action = {
  id: 'worktree.keep',
  name: 'Keep the worktree as it is',
  label: 'Keep',
  keys: [],
  when: (state) => isOpen(state) && state.transcript.worktree?.state !== 'kept',
  run: async (page) => {
    await page.daemon.endWorktree(page.state.selected, 'keep', false);
  },
};

export const leaveWorktree: Action = {
  id: 'worktree.leave',
  name: 'Leave the worktree as it is for now',
  label: 'Cancel',
  keys: [],
  when: (state) => state.worktreeAsked !== null,
  run: (page) => page.set({ worktreeAsked: null }),
};

function isOpen(state: State): boolean {
  const { worktree } = state.transcript;
  return worktree !== null && !['merged', 'dropped'].includes(worktree.state ?? 'open') && state.transcript.running() === undefined;
}

function ending(action: WorktreeAsked['action'], name: string, label: string): Action<boolean> {
  const run = async (page: Page, force: boolean) => {
    const sid = page.state.selected;
    try {
      const ended = await page.daemon.endWorktree(sid, action, force);
      const done = action === 'drop' ? say('notices')('dropped') : say('notices')('merged', { branch: ended.into || say('worktree')('noBranch'), count: ended.files.length });
      if (page.state.selected === sid) page.set({ worktreeAsked: null, notice: `${done} ${ended.note}`.trim() });
    } catch (error) {
      if (!(error instanceof DaemonError) || !error.info.details?.needsForce) throw error;
      if (page.state.selected === sid) page.set({ worktreeAsked: { action, message: error.message } });
    }
  };
  return { id: `worktree.${action}`, name, label, keys: [], when: isOpen, run };
}
