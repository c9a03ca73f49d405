// Actions that make a new session of the history of this one: go on from a turn, or ask it again.

import type { Page } from '../page';
import { withDraft } from '../state';
import type { Turn } from '../transcript';
import type { Action } from './action';

export const forkTurn: Action<Turn> = {
  id: 'turn.fork',
  name: 'Go on from a turn in a new session',
  label: 'Fork',
  keys: [],
  when: (_, turn) => turn.endedAt !== '',
  run: async (page, turn) => {
    const { session } = await page.daemon.fork(page.state.selected, turn.id, false);
    show(page, session.id);
  },
};

export const retryTurn: Action<Turn> = {
  id: 'turn.retry',
  name: 'Ask a turn again in a new session',
  label: 'Retry',
  keys: [],
  when: (_, turn) => turn.endedAt !== '' && !turn.compact,
  run: async (page, turn) => {
    const { session } = await page.daemon.fork(page.state.selected, turn.id, true);
    show(page, session.id);
  },
};

// The prompt of a turn, to be changed: it is sent as the next message of a new session that has the history before it.
export const editTurn: Action<{ turn: Turn; text: string }> = {
  id: 'turn.edit',
  name: 'Change the prompt of a turn, and send it in a new session',
  label: 'Send',
  keys: [],
  when: (_, { turn, text }) => !turn.compact && text.trim() !== '',
  run: async (page, { turn, text }) => {
    const { session } = await page.daemon.fork(page.state.selected, turn.id, true, text);
    show(page, session.id);
  },
};

export const openParent: Action = {
  id: 'session.parent',
  name: 'Open the session that this one was forked from, or started by',
  label: 'Open',
  keys: [],
  when: (state) => state.transcript.parent !== '',
  run: (page) => page.open(page.state.transcript.parent),
};

function show(page: Page, sid: string): void {
  page.open(sid);
  page.set(withDraft(page.state, sid, ''));
  page.refreshSessions();
}
