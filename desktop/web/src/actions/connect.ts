// Bring the window its key.

import type { Action } from './action';

export const connectWindow: Action<string> = {
  id: 'page.connect',
  name: 'Connect this window with a code from the terminal',
  label: 'Connect',
  keys: [],
  when: (state, pasted) => state.missing === 'key' && pasted.trim() !== '',
  run: (page, pasted) => page.connect(pasted),
};
