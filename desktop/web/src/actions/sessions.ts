// Actions on the list of sessions, and on one of its sessions.

import { DaemonError } from '../http_connection';
import { folderFor, folderOf } from '../folder_names';
import type { Page } from '../page';
import type { Session } from '../protocol';
import { type Grouping, railPx, withSwitched } from '../remembered';
import type { RailView, State } from '../state';
import type { Action } from './action';
import { say } from '../strings/spoken';

export const newSession: Action = {
  id: 'session.new',
  name: 'Start a new session',
  label: 'New session',
  keys: ['Mod+N', 'Alt+N'],
  when: () => true,
  run: async (page) => {
    const folder = folderFor(page.state);
    if (!folder) {
      page.set({ folderAsked: 'new' });
      return;
    }
    try {
      await beginSession(page, folder);
    } catch (error) {
      // The folder of last time may be gone: another one is asked for, and the reason is shown there.
      if (!(error instanceof DaemonError) || error.status >= 500) throw error;
      page.set({ folderAsked: 'new', problem: error.message });
    }
  },
};

export const newSessionIn: Action<string> = {
  id: 'session.new-in',
  name: 'Start a new session in a folder',
  label: 'New session here',
  keys: [],
  when: (_, folder) => folder !== '',
  run: (page, folder) => beginSession(page, folder),
};

// Open a new session in a folder, or without one (''). One that nobody has used yet is taken instead of a second one.
export async function beginSession(page: Page, folder: string): Promise<void> {
  const unused = page.state.sessions.find((session) => isUnused(session) && folderOf(session) === folder);
  const { id } = unused ?? (await page.daemon.createSession('chat', folder));
  if (folder) page.remember({ folder });
  page.set({ railView: 'sessions' });
  page.open(id);
  page.focus('composer');
  page.refreshSessions();
}

function isUnused({ turns, title, worktree, parent, state, pinned }: Session): boolean {
  return !turns && !title && !worktree && !parent && !pinned && state === 'idle';
}

export const openSession: Action<string> = {
  id: 'session.open',
  name: 'Open a session',
  label: 'Open',
  keys: [],
  when: () => true,
  run: (page, sid) => {
    page.open(sid);
    // Who left while writing goes on writing.
    if (page.kept.writing(sid)?.hasFocus) page.focus('composer');
  },
};

export const searchSessions: Action = {
  id: 'session.search',
  name: 'Search the sessions',
  label: 'Search sessions',
  keys: ['Mod+Shift+K'],
  when: () => true,
  run: (page) => {
    page.set({ isRailOpen: true, railView: 'sessions' });
    if (page.state.remembered.isRailHidden) page.remember({ isRailHidden: false });
    page.focus('search');
  },
};

export const filterSessions: Action<string> = {
  id: 'session.filter',
  name: 'Show the sessions with these words',
  label: 'Filter',
  keys: [],
  when: () => true,
  run: (page, filter) => {
    page.set({ filter });
    page.refreshSessions();
  },
};

export const moreSessions: Action = {
  id: 'session.more',
  name: 'List older sessions',
  label: 'Show older',
  keys: [],
  when: (state) => state.hasMoreSessions,
  run: (page) => page.moreSessions(),
};

export const beginRename: Action<string> = {
  id: 'session.begin-rename',
  name: 'Change the title of a session',
  label: 'Rename',
  keys: [],
  when: () => true,
  run: (page, sid) => page.set({ renaming: sid }),
};

export const renameSession: Action<{ sid: string; title: string }> = {
  id: 'session.rename',
  name: 'Give a session this title',
  label: 'Rename',
  keys: [],
  when: (_, { title }) => title.trim() !== '',
  run: async (page, { sid, title }) => {
    await page.daemon.updateSession(sid, { title: title.trim() });
    if (page.state.renaming === sid) page.set({ renaming: '' });
    page.refreshSessions();
  },
};

export const leaveRename: Action = {
  id: 'session.leave-rename',
  name: 'Leave the title as it is',
  label: 'Cancel',
  keys: [],
  when: (state) => state.renaming !== '',
  run: (page) => page.set({ renaming: '' }),
};

export const pinSession = marking('pin', 'Keep a session at the top', 'Pin', { pinned: true });
export const unpinSession = marking('unpin', 'List a session by its date again', 'Unpin', { pinned: false });
export const unarchiveSession = marking('unarchive', 'Bring a session back from the archive', 'Bring back', { archived: false });

export const archiveSession: Action<Session> = {
  id: 'session.archive',
  name: 'Move a session to the archive',
  label: 'Archive',
  keys: [],
  when: (state, session) => !isBusy(state, session),
  run: async (page, { id }) => {
    await page.daemon.updateSession(id, { archived: true });
    leave(page, id);
  },
};

export const trashSession: Action<Session> = {
  id: 'session.trash',
  name: 'Move a session to the trash',
  label: 'Move to trash',
  keys: [],
  when: (state, session) => !isBusy(state, session),
  run: async (page, { id, title }) => {
    await page.daemon.trash(id);
    page.set({ trashed: { sid: id, title } });
    leave(page, id);
  },
};

// Also from the trash and from the archive of `opta sessions prune`.
export const restoreSession: Action<string> = {
  id: 'session.restore',
  name: 'Bring a session back from the trash',
  label: 'Restore',
  keys: [],
  when: () => true,
  run: async (page, sid) => {
    const { id } = await page.daemon.restore(sid);
    page.set({ trashed: null, notice: say('notices')('restored') });
    page.open(id);
    page.refreshSessions();
  },
};

export const leaveTrashed: Action = {
  id: 'session.leave-trashed',
  name: 'Close the message about the trash',
  label: 'Close',
  keys: [],
  when: (state) => state.trashed !== null,
  run: (page) => page.set({ trashed: null }),
};

export const toggleChildren: Action<string> = {
  id: 'session.children',
  name: "Show or hide a session's sub-agents",
  label: 'Sub-agents',
  keys: [],
  when: () => true,
  run: (page, sid) => page.set({ withChildren: withSwitched(page.state.withChildren, sid) }),
};

export const showRailView: Action<RailView> = {
  id: 'rail.view',
  name: 'Show the sessions, the archive or the trash',
  label: 'View',
  keys: [],
  when: () => true,
  run: (page, railView) => page.set({ railView }),
};

export const showTrash: Action = {
  id: 'view.trash',
  name: 'Show the trash',
  label: 'Show the trash',
  keys: [],
  when: () => true,
  run: (page) => {
    page.set({ isRailOpen: true, railView: 'trash' });
    if (page.state.remembered.isRailHidden) page.remember({ isRailHidden: false });
  },
};

export const groupSessions: Action<Grouping> = {
  id: 'rail.group',
  name: 'Group the sessions by folder, or list them by date',
  label: 'Group by',
  keys: [],
  when: () => true,
  run: (page, grouping) => page.remember({ grouping }),
};

export const foldFolder: Action<string> = {
  id: 'rail.fold',
  name: 'Show or hide the sessions of a folder',
  label: 'Fold',
  keys: [],
  when: () => true,
  run: (page, folder) => page.remember({ closedFolders: withSwitched(page.state.remembered.closedFolders, folder) }),
};

// Pixels; what is too narrow or too wide is brought inside the limits.
export const resizeRail: Action<number> = {
  id: 'rail.width',
  name: 'Change the width of the list of sessions',
  label: 'Width',
  keys: [],
  when: () => true,
  run: (page, px) => page.remember({ railPx: railPx(px) }),
};

// A session with an open turn cannot go: it is stopped first.
function isBusy(_: State, session: Session): boolean {
  return ['running', 'waiting', 'paused'].includes(session.state);
}

// Show the next session when the open one has left the list.
function leave(page: Page, sid: string): void {
  if (page.state.selected === sid) page.open(page.state.sessions.find(({ id }) => id !== sid)?.id ?? '');
  page.refreshSessions();
}

function marking(id: string, name: string, label: string, change: { pinned?: boolean; archived?: boolean }): Action<string> {
  const run = async (page: Page, sid: string) => {
    await page.daemon.updateSession(sid, change);
    page.refreshSessions();
  };
  return { id: `session.${id}`, name, label, keys: [], when: () => true, run };
}
