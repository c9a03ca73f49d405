import { describe, expect, test } from 'vitest';
import { chordOf, isTyped, type KeyPress, problemOf, typesSign } from './chord';

function press(key: string, more: Partial<KeyPress> = {}): KeyPress {
  return { key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, repeat: false, isComposing: false, ...more };
}

describe('the chord', () => {
  test.each<[string, KeyPress, string]>([
    ['Ctrl+N', press('n', { ctrlKey: true, code: 'KeyN' }), 'Mod+N'],
    ['⌘N', press('n', { metaKey: true, code: 'KeyN' }), 'Mod+N'],
    ['Option+N on a Mac, a dead key', press('Dead', { altKey: true, code: 'KeyN' }), 'Alt+N'],
    ['Option+M on a Mac, which types µ', press('µ', { altKey: true, code: 'KeyM' }), 'Alt+M'],
    ['Option+1 on a Mac, which types ¡', press('¡', { altKey: true, code: 'Digit1' }), 'Alt+1'],
    ['Alt+1 on a French keyboard, which types &', press('&', { altKey: true, code: 'Digit1' }), 'Alt+1'],
    ['Alt+N where N is elsewhere on the keyboard', press('n', { altKey: true, code: 'KeyL' }), 'Alt+N'],
    ['Ctrl+K on a Cyrillic keyboard', press('л', { ctrlKey: true, code: 'KeyK' }), 'Mod+K'],
    ['Ctrl+N with caps lock', press('N', { ctrlKey: true, code: 'KeyN' }), 'Mod+N'],
    ['Ctrl+Shift+M', press('M', { ctrlKey: true, shiftKey: true, code: 'KeyM' }), 'Mod+Shift+M'],
    ['a digit of the number pad', press('3', { altKey: true, code: 'Numpad3' }), 'Alt+3'],
    ['?', press('?', { shiftKey: true, code: 'Slash' }), '?'],
    ['? on a German keyboard', press('?', { shiftKey: true, code: 'Minus' }), '?'],
    ['Shift+Enter', press('Enter', { shiftKey: true, code: 'Enter' }), 'Shift+Enter'],
    ['a held key', press('n', { ctrlKey: true, repeat: true }), ''],
    ['a key within a composition', press('Enter', { ctrlKey: true, isComposing: true }), ''],
    ['a key that an input method has taken', press('n', { ctrlKey: true, keyCode: 229 }), ''],
    ['a modifier alone', press('Control', { ctrlKey: true }), ''],
  ])('of %s', (_, pressed, chord) => expect(chordOf(pressed)).toBe(chord));
});

test.each([
  ['Mod+Shift+M', ''],
  ['?', ''],
  ['Escape Escape', ''],
  ['Mod+Enter', ''],
  ['Enter', 'reserved'],
  ['Shift+Tab', 'reserved'],
  ['Space', 'reserved'],
  ['Escape', 'reserved'],
  ['mod+m', 'unreadable'],
  ['Mod+', 'unreadable'],
  ['Mod+Mod+M', 'unreadable'],
  ['', 'unreadable'],
])('whether %j can be chosen', (chord, problem) => expect(problemOf(chord)).toBe(problem));

test.each([
  ['?', true],
  ['Shift+Enter', true],
  ['End', true],
  ['Mod+N', false],
  ['Alt+1', false],
  ['Escape Escape', false],
])('whether a text field takes %j', (chord, isTaken) => expect(isTyped(chord)).toBe(isTaken));

test.each<[string, KeyPress, boolean]>([
  ['Option+L on a German Mac, which types @', press('@', { altKey: true, code: 'KeyL' }), true],
  ['Option+N on a Mac, which begins ñ', press('Dead', { altKey: true, code: 'KeyN' }), true],
  ['Alt+N', press('n', { altKey: true, code: 'KeyN' }), false],
  ['Ctrl+Alt+Q, which is AltGr', press('@', { altKey: true, ctrlKey: true, code: 'KeyQ' }), false],
])('whether %s types a sign', (_, pressed, isSign) => expect(typesSign(pressed)).toBe(isSign));
