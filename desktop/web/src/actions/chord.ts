// A key press as a chord such as 'Mod+Shift+M', '?' or 'Alt+1': how actions name their keys. Mod is Ctrl, or ⌘ on a Mac.
// Keys that are pressed one after the other have a blank between them: 'Escape Escape'.

export interface KeyPress {
  readonly key: string;
  readonly code: string;
  readonly ctrlKey: boolean;
  readonly metaKey: boolean;
  readonly altKey: boolean;
  readonly shiftKey: boolean;
  readonly repeat: boolean;
  readonly isComposing: boolean;
  // 229: an input method has taken the key, whatever `isComposing` says.
  readonly keyCode?: number;
}

const MODIFIERS = ['Mod', 'Alt', 'Shift'];
const MODIFIER_KEYS = ['Control', 'Meta', 'Alt', 'Shift', 'AltGraph', 'CapsLock'];
// They press buttons, move the focus or answer questions, so alone they start no action.
const UNBOUND = ['Enter', ' ', 'Space', 'Tab', 'Escape', 'Backspace', 'Delete', 'ArrowUp', 'ArrowDown', 'ArrowLeft', 'ArrowRight'];

// The chord of a key press. '' for a modifier alone, a held key, and a key of an input method.
export function chordOf({ key, code, ctrlKey, metaKey, altKey, shiftKey, repeat, isComposing, keyCode }: KeyPress): string {
  if (repeat || isTaken({ isComposing, keyCode }) || MODIFIER_KEYS.includes(key)) return '';
  const name = nameOf(key, code);
  // Shift is a part of a sign such as '?', and of no letter or digit.
  const hasShift = shiftKey && (name.length > 1 || /[A-Z0-9]/.test(name));
  return [ctrlKey || metaKey ? 'Mod' : '', altKey ? 'Alt' : '', hasShift ? 'Shift' : '', name].filter(Boolean).join('+');
}

// A letter is what the keyboard's layout says. Where a key types something else (Cyrillic, Option on a Mac, digits with Shift), the
// place of the key says which letter or digit it is.
function nameOf(key: string, code: string): string {
  if (/^[a-z]$/i.test(key)) return key.toUpperCase();
  const ofCode = /^(?:Key|Digit|Numpad)([A-Z0-9])$/.exec(code)?.[1];
  if (ofCode && (/\d/.test(ofCode) ? !/^[[\]{}@#\\|~]$/.test(key) : !/^[!-~]$/.test(key))) return ofCode;
  return key === ' ' ? 'Space' : key;
}

// Why a person cannot choose a chord: '' when they can.
export function problemOf(chord: string): '' | 'unreadable' | 'reserved' {
  for (const part of chord.split(' ')) {
    const names = part.split('+');
    const name = names.pop() ?? '';
    if (!name || names.some((each) => !MODIFIERS.includes(each)) || new Set(names).size !== names.length) return 'unreadable';
    if (name.length === 1 ? name !== name.toUpperCase() : !/^[A-Z][A-Za-z0-9]+$/.test(name)) return 'unreadable';
    if (!chord.includes(' ') && UNBOUND.includes(name) && names.every((each) => each === 'Shift')) return 'reserved';
  }
  return '';
}

// Whether the chord types or moves the caret in a text field, which then takes it for itself.
export function isTyped(chord: string): boolean {
  return !/^(Mod|Alt)\+/.test(chord) && !/^(Escape|F\d+)\b/.test(chord);
}

// Option types characters on a Mac that have no other key on many keyboards: @ [ ] { } | \ ~, accents, currencies. In a text field they
// are text.
export function typesSign({ key, code, altKey, ctrlKey, metaKey }: KeyPress): boolean {
  if (!altKey || ctrlKey || metaKey) return false;
  const isOther = key.toLowerCase() !== code.replace(/^(Key|Digit)/, '').toLowerCase();
  return key === 'Dead' || (key.length === 1 && isOther && /[!-/:-@[-`{-~]|\p{Sc}/u.test(key));
}

// Whether an input method reads the key.
export function isTaken({ isComposing, keyCode }: Pick<KeyPress, 'isComposing' | 'keyCode'>): boolean {
  return isComposing || keyCode === 229;
}
