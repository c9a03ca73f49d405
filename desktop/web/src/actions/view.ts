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

export const allowNotifications: Action = {
  id: 'view.notify',
  name: 'Show notifications when a turn ends or needs an answer',
  label: 'Notifications',
  keys: [],
  when: () => true,
  run: async (page) => {
    if (!(await page.askToNotify())) throw new Error('The browser does not show notifications of this page. Allow them in the settings of the site.');
  },
};
