// Actions on turns: send a message, stop, resume.

import type { Page } from '../page';
import { attached, draft, nextMode, withAttached, withDraft } from '../state';
import type { Action } from './action';

export const submitTurn: Action = {
  id: 'turn.submit',
  name: 'Send the message',
  label: 'Send',
  keys: ['Mod+Enter'],
  scope: 'composer',
  when: (state) => draft(state).trim() !== '' && !state.isSending,
  run: async (page) => {
    page.set({ isSending: true });
    try {
      await send(page);
    } finally {
      page.set({ isSending: false });
    }
  },
};

async function send(page: Page): Promise<void> {
  const text = draft(page.state);
  // Taken before a session is opened, which clears them.
  const { overrides } = page.state;
  const mode = overrides.mode ?? nextMode(page.state);
  const sessionMode = overrides.mode ?? page.state.transcript.mode;
  const files = attached(page.state);
  const sid = page.state.wantsWorktree ? await openInWorktree(page, text) : page.state.selected || (await openForDraft(page, text));
  const ids = files.map((file) => file.id);
  await page.daemon.submit(sid, text, mode === sessionMode ? overrides : { ...overrides, mode }, ids);
  // What was typed, chosen or attached while the message was on its way stays.
  if (page.state.drafts[sid] === text) page.set(withDraft(page.state, sid, ''));
  page.set(withAttached(page.state, sid, (page.state.attached[sid] ?? []).filter((file) => !ids.includes(file.id))));
  if (page.state.selected === sid && page.state.overrides === overrides) page.set({ overrides: {} });
  page.set({ problem: '' });
}

// A new session that takes over the draft and its overrides, so that neither is lost if the daemon then refuses the message.
async function openForDraft(page: Page, text: string): Promise<string> {
  const session = await page.daemon.createSession('chat', '');
  const { overrides, selected } = page.state;
  const files = attached(page.state);
  if (selected === '') {
    page.open(session.id);
    page.set({ overrides, drafts: { ...page.state.drafts, '': '', [session.id]: text }, attached: { ...page.state.attached, '': [], [session.id]: files } });
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
    page.set({ overrides, drafts: { ...page.state.drafts, [selected]: '', [session.id]: text }, attached: { ...page.state.attached, [selected]: [], [session.id]: files } });
  }
  await page.daemon.trash(selected).catch(() => undefined);
  page.refreshSessions();
  return session.id;
}

export const stopTurn: Action = {
  id: 'turn.stop',
  name: 'Stop the running turn',
  label: 'Stop',
  keys: ['Mod+.'],
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
