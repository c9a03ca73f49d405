// Actions on the list of sessions.

import type { Action } from './action';

export const newSession: Action = {
  id: 'session.new',
  name: 'Start a new session',
  label: 'New session',
  keys: ['Mod+N', 'Alt+N'],
  when: () => true,
  run: async (page) => {
    const session = await page.daemon.createSession('chat', page.state.transcript.cwd);
    page.open(session.id);
    page.focus('composer');
    page.refreshSessions();
  },
};

export const openSession: Action<string> = {
  id: 'session.open',
  name: 'Open a session',
  label: 'Open',
  keys: [],
  when: () => true,
  run: (page, sid) => page.open(sid),
};

export const searchSessions: Action = {
  id: 'session.search',
  name: 'Search the sessions',
  label: 'Search sessions',
  keys: ['Mod+K'],
  when: () => true,
  run: (page) => {
    page.set({ isRailOpen: true });
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
