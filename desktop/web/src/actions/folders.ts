// Actions on the folder in which a session works. It is chosen before the session begins, and never silently.

import { folderFor } from '../folder_names';
import type { Page } from '../page';
import { attached, type FolderAsked, type State } from '../state';
import type { Action } from './action';
import { beginSession } from './sessions';
import { submitTurn } from './turns';

export const askFolder: Action<FolderAsked> = {
  id: 'folder.ask',
  name: 'Choose the folder of a session',
  label: 'Choose a folder',
  keys: [],
  when: (state, asked) => asked !== 'change' || mayChange(state),
  run: (page, folderAsked) => page.set({ folderAsked, problem: '' }),
};

export const closeFolders: Action = {
  id: 'folder.close',
  name: 'Leave the folder as it is',
  label: 'Cancel',
  keys: [],
  when: (state) => state.folderAsked !== null,
  run: (page) => page.set({ folderAsked: null }),
};

// An absolute path; '' for an empty folder that Opta makes. What follows depends on why it was asked.
export const chooseFolder: Action<string> = {
  id: 'folder.choose',
  name: 'Work in this folder',
  label: 'Use this folder',
  keys: [],
  when: () => true,
  run: async (page, folder) => {
    const { folderAsked } = page.state;
    if (folderAsked === 'change') await moveUnused(page, folder);
    else if (folderAsked === 'send') await beginWithDraft(page, folder);
    else await beginSession(page, folder);
    page.set({ folderAsked: null });
  },
};

// Sessions begin in this folder from now on. None is made before something is asked.
export const beginIn: Action<string> = {
  id: 'folder.begin',
  name: 'Begin sessions in this folder',
  label: 'Use this folder',
  keys: [],
  when: (_, folder) => folder !== '',
  run: (page, folder) => {
    page.remember({ folder });
    if (!page.state.selected) page.show({ view: 'new', cwd: folder });
  },
};

// Whether the open session has no history that ties it to its folder.
export function mayChange(state: State): boolean {
  return !state.selected || (state.transcript.turns.length === 0 && !state.transcript.worktree && !state.isSending);
}

// The session of the message that was sent without a folder. The message goes with it.
async function beginWithDraft(page: Page, folder: string): Promise<void> {
  await takeOver(page, folder);
  await submitTurn.run(page);
}

// An unused session cannot change its folder, so another one takes its place.
async function moveUnused(page: Page, folder: string): Promise<void> {
  const former = page.state.selected;
  if (!former && folder) return beginIn.run(page, folder);
  if (former && folder === folderFor(page.state)) return;
  await takeOver(page, folder);
  if (former) await page.daemon.trash(former).catch(() => undefined);
  page.refreshSessions();
}

// A new session that takes over what was written and chosen for the message.
export async function takeOver(page: Page, folder: string, mode = page.state.transcript.mode || 'chat'): Promise<string> {
  const { selected, drafts } = page.state;
  const session = await page.daemon.createSession(mode, folder);
  if (folder) page.remember({ folder });
  // Who has opened another session meanwhile stays there.
  if (page.state.selected !== selected) return session.id;
  const { overrides } = page.state;
  const files = attached(page.state);
  page.open(session.id);
  page.set({
    overrides,
    chosen: { ...page.state.chosen, [selected]: {} },
    drafts: { ...page.state.drafts, [selected]: '', [session.id]: drafts[selected] ?? '' },
    attached: { ...page.state.attached, [selected]: [], [session.id]: files },
  });
  page.focus('composer');
  page.refreshSessions();
  return session.id;
}
