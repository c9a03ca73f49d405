import { describe, expect, test } from 'vitest';
import { actionOf, actions, type KeyPress } from './registry';

function press(key: string, more: Partial<KeyPress> = {}): KeyPress {
  return { key, code: '', ctrlKey: false, metaKey: false, altKey: false, shiftKey: false, repeat: false, isComposing: false, ...more };
}

describe('a shortcut', () => {
  test.each<[string, KeyPress, string]>([
    ['Ctrl+N', press('n', { ctrlKey: true }), 'session.new'],
    ['⌘N', press('n', { metaKey: true }), 'session.new'],
    ['Option+N on a Mac, a dead key', press('Dead', { altKey: true, code: 'KeyN' }), 'session.new'],
    ['Option+M on a Mac, which types µ', press('µ', { altKey: true, code: 'KeyM' }), 'composer.toggle-mode'],
    ['Alt+N where N is elsewhere on the keyboard', press('n', { altKey: true, code: 'KeyL' }), 'session.new'],
    ['Ctrl+K on a Cyrillic keyboard', press('л', { ctrlKey: true, code: 'KeyK' }), 'session.search'],
    ['Ctrl+N with caps lock', press('N', { ctrlKey: true }), 'session.new'],
    ['Ctrl+.', press('.', { ctrlKey: true }), 'turn.stop'],
  ])('%s starts its action', (_, pressed, id) => {
    expect(actionOf(pressed, '')?.id).toBe(id);
  });

  test.each<[string, KeyPress]>([
    ['a key alone', press('n')],
    ['a held key', press('n', { ctrlKey: true, repeat: true })],
    ['a key within a composition', press('Enter', { ctrlKey: true, isComposing: true })],
    ['another modifier', press('n', { ctrlKey: true, shiftKey: true })],
    ['AltGr', press('n', { ctrlKey: true, altKey: true })],
  ])('%s starts nothing', (_, pressed) => {
    expect(actionOf(pressed, 'composer')).toBeUndefined();
  });

  test('the message is sent from the composer only', () => {
    const pressed = press('Enter', { ctrlKey: true });
    expect([actionOf(pressed, '')?.id, actionOf(pressed, 'composer')?.id]).toEqual([undefined, 'turn.submit']);
  });
});

test('no two actions share an id or a shortcut', () => {
  const ids = actions.map(({ id }) => id);
  const keys = actions.flatMap((action) => action.keys);
  expect([new Set(ids).size, new Set(keys).size]).toEqual([ids.length, keys.length]);
});
