// @vitest-environment jsdom
// Keys as a person presses them: what they start, and other keys that a person chose.

import { fireEvent, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../testing/page';
import { KeySheet } from '../panels/keys/key_sheet';
import { perform } from './action';
import { KeyListener } from './key_listener';
import { showKeys } from './keys';
import { rebindKeys } from './rebind';

const bench = testBench();

function listening(): void {
  const listener = new KeyListener(bench.page);
  const onKey = (event: KeyboardEvent) => listener.onKey(event);
  window.addEventListener('keydown', onKey);
}

async function twoSessions(): Promise<void> {
  bench.gateway.addSession({ title: 'first' });
  bench.gateway.addSession({ title: 'second' });
  await bench.start();
  listening();
}

test('Alt with a digit opens a session of the list', async () => {
  await twoSessions();
  fireEvent.keyDown(document.body, { key: '2', code: 'Digit2', altKey: true });
  await bench.pass();
  expect(bench.page.state.selected).toBe('sid1');
});

test('Alt+J goes to the question of the open session, and from it to the next session that needs the person', async () => {
  bench.gateway.addSession({ title: 'third', state: 'waiting' });
  await twoSessions();
  bench.takesFocus = false;
  fireEvent.keyDown(document.body, { key: 'j', code: 'KeyJ', altKey: true });
  await bench.pass();
  expect([bench.focused.at(-1), bench.page.state.selected, bench.page.state.wantsQuestion]).toEqual(['question', 'sid1', true]);
});

test('Escape twice stops the turn, and Escape that something else has answered does not count', async () => {
  await twoSessions();
  bench.gateway.append('sid2', { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  await bench.pass();
  const press = (isTaken: boolean) => {
    const event = new KeyboardEvent('keydown', { key: 'Escape', bubbles: true, cancelable: true });
    if (isTaken) event.preventDefault();
    document.body.dispatchEvent(event);
  };
  press(true);
  press(false);
  await bench.pass(1_000);
  expect(bench.gateway.posted(/stop$/)).toEqual([]);
  press(false);
  press(false);
  await bench.pass();
  expect(bench.gateway.posted(/stop$/)).toHaveLength(1);
});

test('a chosen key works at once and after a reload, and one that is taken is refused', async () => {
  await twoSessions();
  expect(await perform(bench.page, rebindKeys, { id: 'session.new', keys: ['Alt+M'] })).toBe(false);
  expect(await perform(bench.page, rebindKeys, { id: 'session.new', keys: ['Enter'] })).toBe(false);
  expect(await perform(bench.page, rebindKeys, { id: 'permission.answer', keys: ['Alt+Y'] })).toBe(false);
  expect(await perform(bench.page, rebindKeys, { id: 'session.new', keys: ['Alt+S'] })).toBe(true);
  expect(bench.stored.bindings).toEqual({ 'session.new': ['Alt+S'] });
  fireEvent.keyDown(document.body, { key: 's', code: 'KeyS', altKey: true });
  await bench.pass();
  expect(bench.gateway.requests.some(({ method, path }) => method === 'POST' && path === '/v3/sessions')).toBe(true);
});

test('the list of keys shows all actions by group with the keys that hold', async () => {
  const user = bench.draw(<KeySheet />);
  await bench.start();
  await perform(bench.page, rebindKeys, { id: 'session.new', keys: ['Alt+S'] });
  await perform(bench.page, showKeys, undefined);
  await bench.pass();
  expect(screen.getByRole('dialog', { name: 'Keys' })).toBeTruthy();
  expect(screen.getByRole('region', { name: 'Sessions' }).textContent).toContain('Start a new session');
  expect(screen.getByText('Alt+S')).toBeTruthy();
  expect(screen.getAllByText('Open one of the first nine sessions')).toHaveLength(1);
  await user.click(screen.getByRole('button', { name: 'Reset keys' }));
  expect([screen.queryByText('Alt+S'), bench.stored.bindings]).toEqual([null, {}]);
  await user.click(screen.getByRole('button', { name: 'Close' }));
  expect(screen.queryByRole('dialog')).toBeNull();
});
