// Actions on the window itself.

import type { Action } from './action';

export const toggleRail: Action = {
  id: 'view.rail',
  name: 'Show or hide the sessions',
  label: 'Sessions',
  keys: [],
  when: () => true,
  run: (page) => page.set({ isRailOpen: !page.state.isRailOpen }),
};

export const dismissProblem: Action = {
  id: 'view.dismiss-problem',
  name: 'Dismiss the message about a problem',
  label: 'Dismiss',
  keys: [],
  when: (state) => state.problem !== '',
  run: (page) => page.set({ problem: '' }),
};
