import { describe, expect, test } from 'vitest';
import type { Action } from './action';
import { bindingsOf, conflicts, keysOf, shownKey, startedBy, type Where } from './keymap';

function action(id: string, keys: string[], scope?: Action['scope']): Action {
  return { id, name: id, label: id, keys, ...(scope ? { scope } : {}), when: () => true, run: () => undefined };
}

const SEND = action('turn.submit', ['Mod+Enter'], 'composer');
const STOP = action('turn.stop', ['Mod+.', 'Escape Escape']);
const NEW = action('session.new', ['Mod+N', 'Alt+N']);
const SHEET = action('keys.show', ['?']);
const ALL = [SEND, STOP, NEW, SHEET];
const OUTSIDE: Where = { scope: '', isTyping: false };
const WRITING: Where = { scope: 'composer', isTyping: true };

describe('a chord starts', () => {
  test.each<[string, string, Where, string | undefined]>([
    ['an action everywhere', 'Mod+N', OUTSIDE, 'session.new'],
    ['the other key of it', 'Alt+N', WRITING, 'session.new'],
    ['an action of the composer in the composer', 'Mod+Enter', WRITING, 'turn.submit'],
    ['nothing of the composer elsewhere', 'Mod+Enter', OUTSIDE, undefined],
    ['an action of a plain key', '?', OUTSIDE, 'keys.show'],
    ['nothing that a text field takes', '?', WRITING, undefined],
    ['a pair of keys, also in a text field', 'Escape Escape', WRITING, 'turn.stop'],
    ['nothing behind a dialog', 'Mod+N', { scope: 'dialog', isTyping: false }, undefined],
    ['nothing behind a menu', '?', { scope: 'menu', isTyping: false }, undefined],
    ['no plain key in a question', '?', { scope: 'card', isTyping: false }, undefined],
    ['no pair of plain keys in a question', 'Escape Escape', { scope: 'card', isTyping: false }, undefined],
    ['other keys in a question', 'Alt+N', { scope: 'card', isTyping: false }, 'session.new'],
    ['all keys beside a sheet', 'Mod+N', { scope: 'sheet', isTyping: false }, 'session.new'],
  ])('%s', (_, chord, where, id) => expect(startedBy(ALL, chord, where, {})?.id).toBe(id));
});

test('a chosen key replaces all keys of an action', () => {
  const bindings = { 'session.new': ['Alt+S'] };
  expect([startedBy(ALL, 'Alt+S', OUTSIDE, bindings)?.id, startedBy(ALL, 'Mod+N', OUTSIDE, bindings)]).toEqual(['session.new', undefined]);
  expect(keysOf(STOP, { 'turn.stop': [] })).toEqual([]);
});

test('a window shows the first key, a tab the last', () => {
  expect([shownKey(NEW, {}, true), shownKey(NEW, {}, false), shownKey(action('a', []), {}, true)]).toEqual(['Mod+N', 'Alt+N', '']);
});

test('a key conflicts with the same key of an action that can be started in the same part of the page', () => {
  expect(conflicts(ALL, SHEET, 'Mod+N', {}).map(({ id }) => id)).toEqual(['session.new']);
  expect(conflicts(ALL, NEW, 'Mod+N', {})).toEqual([]);
  expect(conflicts(ALL, NEW, 'Mod+Enter', {}).map(({ id }) => id)).toEqual(['turn.submit']);
  expect(conflicts(ALL, action('x', [], 'dialog'), 'Mod+Enter', {})).toEqual([]);
  expect(conflicts(ALL, NEW, 'Escape', {}).map(({ id }) => id)).toEqual(['turn.stop']);
  expect(conflicts(ALL, SHEET, 'Mod+N', { 'session.new': ['Alt+S'] })).toEqual([]);
});

test('stored bindings that mean nothing here are left out', () => {
  const stored = { 'session.new': ['Alt+S'], gone: ['Alt+G'], 'turn.stop': ['Enter'], 'keys.show': 'x', 'turn.submit': [] };
  expect(bindingsOf(stored, ALL)).toEqual({ 'session.new': ['Alt+S'], 'turn.submit': [] });
  expect([bindingsOf(null, ALL), bindingsOf('x', ALL), bindingsOf(undefined, ALL)]).toEqual([{}, {}, {}]);
});
