// Actions on the keys themselves: the list of all of them, and back to what the actions name.

import type { Action } from './action';

export const showKeys: Action = {
  id: 'keys.show',
  name: 'Show all keys',
  label: 'Keys',
  keys: ['?'],
  when: () => true,
  run: (page) => page.set({ areKeysShown: true }),
};

export const hideKeys: Action = {
  id: 'keys.hide',
  name: 'Close the list of keys',
  label: 'Close',
  keys: [],
  when: (state) => state.areKeysShown,
  run: (page) => page.set({ areKeysShown: false }),
};

export const resetKeys: Action = {
  id: 'keys.reset',
  name: 'Give all actions their first keys again',
  label: 'Reset keys',
  keys: [],
  when: (state) => Object.keys(state.bindings).length > 0,
  run: (page) => page.set({ bindings: {} }),
};
