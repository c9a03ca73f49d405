import type { keyNames as english } from '../en/key_names';
import type { Translation } from '../translation';

export const keyNames = {
  Mod: 'Strg',
  Alt: 'Alt',
  Shift: 'Umschalt',
  Escape: 'Esc',
  Space: 'Leertaste',
  Tab: 'Tab',
  Backspace: 'Rücktaste',
  Delete: 'Entf',
  Home: 'Pos1',
  End: 'Ende',
  PageUp: 'Bild ↑',
  PageDown: 'Bild ↓',
} as const satisfies Translation<typeof english>;
