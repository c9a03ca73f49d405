// Actions on turns: send a message, stop, resume.

import { folderFor } from '../folder_names';
import type { Page } from '../page';
import { storedFiles } from '../attached';
import { commandsQuery } from '../queries';
import { sendBlock } from '../sending';
import { attached, draft, nextMode, withAttached, withoutSent } from '../state';
import type { Action } from './action';

export const submitTurn: Action = {
  id: 'turn.submit',
  name: 'Send the message',
  label: 'Send',
  keys: ['Mod+Enter'],
  scope: 'composer',
  when: (state) => sendBlock(state) === '',
  run: async (page) => {
    // Nothing begins in a folder that nobody has named.
    if (!page.state.selected && !folderFor(page.state)) {
      page.set({ folderAsked: 'send' });
      return;
    }
    page.set({ isSending: true });
    try {
      const text = draft(page.state);
      const name = COMMAND.exec(text)?.[1] ?? '';
      const isUnknown = name !== '' && !(await isCommand(page, name));
      page.set({ unknownCommand: isUnknown ? name : '' });
      if (!isUnknown) await send(page, text, text);
    } finally {
      page.set({ isSending: false });
    }
  },
};

// A message that begins with a slash, and with no command, is sent as text after a person has said so.
export const sendAsText: Action = {
  id: 'turn.submit-text',
  name: 'Send the message as text, although it looks like a command',
  label: 'Send as text',
  keys: [],
  when: (state) => state.unknownCommand !== '' && sendBlock(state) === '',
  run: async (page) => {
    page.set({ isSending: true });
    try {
      // The daemon reads a slash behind a space as text.
      await send(page, draft(page.state), ` ${draft(page.state)}`);
      page.set({ unknownCommand: '' });
    } finally {
      page.set({ isSending: false });
    }
  },
};

// As the daemon reads it; a path such as /etc/hosts is no command.
const COMMAND = /^\/([A-Za-z0-9][A-Za-z0-9_-]{0,47})(?:\s|$)/;

// Whether the daemon has a command of that name. When it cannot say, it decides itself on the message.
async function isCommand(page: Page, name: string): Promise<boolean> {
  try {
    const { commands } = await page.queries.fetchQuery(commandsQuery(page.daemon, page.state.transcript.cwd));
    return commands.some((command) => command.name === name);
  } catch {
    return true;
  }
}

// `text`: the draft that leaves the composer; `words`: what is sent of it.
async function send(page: Page, text: string, words: string): Promise<void> {
  // Taken before a session is opened, which clears them.
  const { overrides } = page.state;
  const mode = overrides.mode ?? nextMode(page.state);
  const sessionMode = overrides.mode ?? page.state.transcript.mode;
  const files = attached(page.state);
  const sid = page.state.wantsWorktree ? await openInWorktree(page, text) : page.state.selected || (await openForDraft(page, text));
  const ids = storedFiles(files).map((file) => file.id);
  await page.daemon.submit(sid, words, mode === sessionMode ? overrides : { ...overrides, mode }, ids);
  // What was typed, chosen or attached while the message was on its way stays.
  page.set(withoutSent(page.state, sid, text));
  page.set(withAttached(page.state, sid, (page.state.attached[sid] ?? []).filter((file) => !files.includes(file))));
  // Where the person had scrolled to, what they say now is shown.
  if (page.state.selected === sid) page.set({ reveal: { at: 'end' } });
  if (page.state.selected === sid && page.state.overrides === overrides) page.set({ overrides: {} });
  page.set({ problem: '' });
}

// A new session that takes over the draft and its overrides, so that neither is lost if the daemon then refuses the message.
async function openForDraft(page: Page, text: string): Promise<string> {
  const folder = folderFor(page.state);
  const session = await page.daemon.createSession('chat', folder);
  page.remember({ folder });
  const { overrides, selected } = page.state;
  const files = attached(page.state);
  if (selected === '') {
    page.open(session.id);
    page.set({ overrides, chosen: { ...page.state.chosen, '': {} }, drafts: { ...page.state.drafts, '': '', [session.id]: text }, attached: { ...page.state.attached, '': [], [session.id]: files } });
  }
  page.refreshSessions();
  return session.id;
}

// The same session in a git worktree, which takes over the draft. The empty one, of which nothing is lost, goes.
async function openInWorktree(page: Page, text: string): Promise<string> {
  const { transcript, overrides, selected } = page.state;
  const files = attached(page.state);
  const session = await page.daemon.createSession(transcript.mode, transcript.cwd, text);
  if (page.state.selected === selected) {
    page.open(session.id);
    page.set({ overrides, chosen: { ...page.state.chosen, [selected]: {} }, drafts: { ...page.state.drafts, [selected]: '', [session.id]: text }, attached: { ...page.state.attached, [selected]: [], [session.id]: files } });
  }
  await page.daemon.trash(selected).catch(() => undefined);
  page.refreshSessions();
  return session.id;
}

export const stopTurn: Action = {
  id: 'turn.stop',
  name: 'Stop the running turn',
  label: 'Stop',
  keys: ['Mod+.', 'Escape Escape'],
  when: (state) => state.transcript.running() !== undefined,
  run: async (page) => {
    await page.daemon.stop(page.state.selected);
  },
};

export const resumeTurn: Action = {
  id: 'turn.resume',
  name: 'Resume the last turn',
  label: 'Resume',
  keys: [],
  when: (state) => state.transcript.resumable() !== undefined,
  run: async (page) => {
    await page.daemon.resume(page.state.selected);
  },
};
