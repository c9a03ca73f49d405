// Actions on the palette: one field that finds every action, session and model.

import type { Action } from './action';

const RECENT_MAX = 6;

export const showPalette: Action = {
  id: 'palette.show',
  name: 'Search for an action, a session or a model',
  label: 'Search',
  keys: ['/', 'Mod+K'],
  when: () => true,
  run: (page) => page.set({ isPaletteShown: true }),
};

export const hidePalette: Action = {
  id: 'palette.hide',
  name: 'Close the search',
  label: 'Close',
  keys: [],
  when: (state) => state.isPaletteShown,
  run: (page) => page.set({ isPaletteShown: false }),
};

// An action was taken from the palette: it stands first the next time.
export const noteRecent: Action<string> = {
  id: 'palette.note',
  name: 'Remember an action as used',
  label: 'Remember',
  keys: [],
  when: () => true,
  run: (page, id) => page.remember({ recentActions: [id, ...page.state.remembered.recentActions.filter((each) => each !== id)].slice(0, RECENT_MAX) }),
};
