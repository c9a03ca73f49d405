// Actions on what sessions used.

import type { Action } from './action';

export const PERIODS = [7, 30, 90] as const;

export const showUsage: Action = {
  id: 'usage.show',
  name: 'Show what sessions used: tokens, time and tools by day, folder and model',
  label: 'Usage',
  keys: ['U', 'Alt+U'],
  when: () => true,
  run: (page) => page.set({ isUsageShown: !page.state.isUsageShown }),
};

export const chooseDays: Action<number> = {
  id: 'usage.days',
  name: 'Choose of how many days the usage is shown',
  label: 'Days',
  keys: [],
  when: () => true,
  run: (page, days) => page.set({ usageDays: days }),
};
