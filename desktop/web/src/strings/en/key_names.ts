// What is printed on the keys of a keyboard that is no Mac's.

export const keyNames = {
  Mod: 'Ctrl',
  Alt: 'Alt',
  Shift: 'Shift',
  Escape: 'Esc',
  Space: 'Space',
  Tab: 'Tab',
  Backspace: 'Backspace',
  Delete: 'Delete',
  Home: 'Home',
  End: 'End',
  PageUp: 'PageUp',
  PageDown: 'PageDown',
} as const;
