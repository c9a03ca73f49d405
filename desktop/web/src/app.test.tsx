// @vitest-environment jsdom
// The whole page without a browser: what a person does, and which requests follow.

import { act, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { App } from './app';
import type { AnyEvent } from './protocol';
import { draft, nextMode } from './state';
import { pick, testBench } from './testing/page';
import { Transcript } from './transcript';

const bench = testBench();

test('mode, model and level that were chosen before the first message of a new session are sent with it', async () => {
  const user = bench.draw(<App />);
  await bench.start();
  await pick(user, 'Mode', /^Do/);
  await pick(user, 'Model', /^qwen/);
  await pick(user, 'Permission level', /^L3/);
  await user.type(screen.getByRole('textbox', { name: 'Message' }), 'write the notes');
  await user.click(screen.getByRole('button', { name: /Send/ }));
  await bench.pass();
  expect(bench.gateway.posted(/turns$/)).toEqual([{ text: 'write the notes', mode: 'do', model: 'lmx/qwen', level: 'L3' }]);
});

test('a silent break of the stream of all sessions does not leave the list as it was', async () => {
  bench.draw(<App />);
  await bench.start();
  for (const socket of bench.gateway.open('/v3/events')) socket.isSilent = true;
  bench.gateway.addSession({ title: 'made elsewhere' });
  await bench.pass(20_000);
  expect(screen.getByRole('button', { name: /made elsewhere/ })).toBeTruthy();
});

test('a gateway that was replaced leaves neither the list nor the open session as they were', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.draw(<App />);
  await bench.start();
  bench.gateway.restart();
  bench.gateway.addSession({ title: 'made elsewhere' });
  bench.gateway.append('sid1', { event: 'session.updated', changes: { title: 'first' } });
  await bench.pass(2_000);
  expect(screen.getByRole('button', { name: /made elsewhere/ })).toBeTruthy();
  expect(bench.page.state.transcript.lastSeq).toBe(2);
  expect(screen.getByRole('status', { name: 'Connection: Connected' })).toBeTruthy();
});

test('a page that is opened before the daemon runs says so, and opens the newest session once it does', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.gateway.isUp = false;
  bench.draw(<App />);
  await bench.start();
  expect(screen.queryByText('Connected')).toBeNull();
  bench.gateway.isUp = true;
  await bench.pass(20_000);
  expect(screen.getByRole('heading', { name: 'first' })).toBeTruthy();
  expect(screen.getByRole('status', { name: 'Connection: Connected' })).toBeTruthy();
});

test.each(['a draft', 'a choice'])('%s that was begun before the list of sessions came is not taken away', async (what) => {
  bench.gateway.addSession({ title: 'first' });
  const user = bench.draw(<App />);
  bench.page.start({ view: 'session', sid: '' });
  if (what === 'a draft') await user.type(screen.getByRole('textbox', { name: 'Message' }), 'h');
  else await pick(user, 'Mode', /^Do/);
  await bench.pass(1_000);
  expect(screen.getByRole('button', { name: /first/ })).toBeTruthy();
  expect([bench.page.state.selected, nextMode(bench.page.state) === 'do', draft(bench.page.state)]).toEqual(what === 'a draft' ? ['', false, 'h'] : ['', true, '']);
});

test('the session of the address is opened, not the newest', async () => {
  bench.gateway.addSession({ title: 'older' });
  bench.gateway.addSession({ title: 'newer' });
  bench.draw(<App />);
  await bench.start('sid1');
  expect(screen.getByRole('heading', { name: 'older' })).toBeTruthy();
});

test('a message that the daemon refuses stays in the composer of the session that was made for it', async () => {
  bench.gateway.refusals['POST /v3/sessions/sid1/turns'] = [429, 'too_many_requests', 'Too many turns wait. Stop one.'];
  const user = bench.draw(<App />);
  await bench.start();
  await pick(user, 'Mode', /^Do/);
  await user.type(screen.getByRole('textbox', { name: 'Message' }), 'hello');
  await user.click(screen.getByRole('button', { name: /Send/ }));
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('Too many turns wait. Stop one.');
  expect(screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' }).value).toBe('hello');
  delete bench.gateway.refusals['POST /v3/sessions/sid1/turns'];
  await user.click(screen.getByRole('button', { name: /Send/ }));
  await bench.pass();
  expect(screen.queryByRole('alert')).toBeNull();
  expect(bench.gateway.posted(/turns$/)).toEqual([
    { text: 'hello', mode: 'do' },
    { text: 'hello', mode: 'do' },
  ]);
  expect(bench.gateway.sessions).toHaveLength(1);
});

test('a problem is shown until it is dismissed', async () => {
  const user = bench.draw(<App />);
  bench.page.report(new Error('The disk is full.'));
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('The disk is full.');
  await user.click(screen.getByRole('button', { name: 'Dismiss' }));
  expect(screen.queryByRole('alert')).toBeNull();
});

test('the menu button shows and hides the sessions', async () => {
  const user = bench.draw(<App />);
  const button = screen.getByRole('button', { name: 'Sessions' });
  const list = () => screen.queryByRole('navigation', { name: 'Sessions' });
  for (const isShown of [false, true]) {
    await user.click(button);
    expect([button.getAttribute('aria-expanded'), list() !== null]).toEqual([String(isShown), isShown]);
  }
  expect(bench.stored.remembered).toMatchObject({ isRailHidden: false });
});

test('in a narrow window the sessions are a drawer, which Escape closes and which gives the keys back', async () => {
  bench.gateway.addSession({ title: 'first' });
  const user = bench.draw(<App />);
  await bench.start();
  act(() => bench.page.set({ isNarrow: true }));
  const list = () => screen.queryByRole('navigation', { name: 'Sessions' });
  expect(list()).toBeNull();
  const button = screen.getByRole('button', { name: 'Sessions' });
  await user.click(button);
  await bench.pass();
  expect(list()).not.toBeNull();
  expect(screen.getByRole('dialog', { name: 'Sessions' }).contains(document.activeElement)).toBe(true);
  await user.keyboard('{Escape}');
  await bench.pass();
  expect(list()).toBeNull();
  expect(document.activeElement).toBe(button);
});

test('what a person who cannot see the screen has to hear is announced, and nothing of the stream', async () => {
  bench.gateway.addSession();
  bench.draw(<App />);
  await bench.start();
  const live = () => document.querySelector('[aria-live="polite"]')?.textContent;
  bench.gateway.append('sid1', { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  bench.gateway.append('sid1', { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 });
  bench.gateway.append('sid1', { event: 'turn.token', turn: 't1', delta: 'words' });
  await bench.pass();
  expect(live()).toBe('Assistant answering');
  bench.gateway.append('sid1', { event: 'turn.done', turn: 't1', tokens: 7, elapsed: 1, tokensPerSec: 7, tools: 0, steps: 1, finish: 'stop' });
  await bench.pass();
  expect(live()).toBe('Done, 7 tokens, 0 tools');
});

test('the window is named after the open session, and says how many wait for the person', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.gateway.addSession({ title: 'second', state: 'waiting' });
  await bench.start('sid1');
  expect(bench.named).toEqual(['first · Opta', 1]);
});

test('a draft outlives a reload of the window', async () => {
  bench.gateway.addSession({ title: 'first' });
  const user = bench.draw(<App />);
  await bench.start();
  await user.type(screen.getByRole('textbox', { name: 'Message' }), 'not yet');
  expect(bench.stored.drafts).toEqual({ sid1: 'not yet' });
});

test('a window without a key asks for one, takes the printed address, and goes on by itself', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.hasKey = false;
  const user = bench.draw(<App />);
  await bench.start();
  expect(screen.getByRole('heading', { name: 'This window is not connected' })).toBeTruthy();
  expect(screen.queryByText('Connected')).toBeNull();
  await user.type(screen.getByRole('textbox', { name: 'Address or code' }), 'http://127.0.0.1:5173/?launch=a-b_c#sid1');
  await user.click(screen.getByRole('button', { name: 'Connect' }));
  await bench.pass();
  expect(bench.redeemed).toEqual(['a-b_c']);
  expect(screen.queryByRole('heading', { name: 'This window is not connected' })).toBeNull();
  expect(screen.getByRole('heading', { name: 'first' })).toBeTruthy();
});

test('a long session begins with what the daemon folded, and goes on with what follows', async () => {
  const { id } = bench.gateway.addSession({ title: 'long', lastSeq: 5000 });
  const folded = new Transcript();
  folded.apply({ event: 'session.start', seq: 1, sid: id, title: 'long', cwd: '/w', mode: 'do', level: 'L2' } as AnyEvent);
  folded.apply({ event: 'turn.start', seq: 2, turn: 't1', role: 'user', text: 'from the fold', mode: 'do', level: 'L2' } as AnyEvent);
  for (let seq = 2; seq <= 3; seq += 1) bench.gateway.append(id, { event: 'session.updated', changes: {} });
  bench.gateway.answers[`GET /v3/sessions/${id}`] = { transcript: JSON.parse(JSON.stringify({ ...folded, byId: undefined, lastSeq: 3 })) };
  bench.draw(<App />);
  await bench.start();
  const texts = () => bench.page.state.transcript.turns.map((turn) => turn.text);
  expect(texts()).toEqual(['from the fold']);
  bench.gateway.append(id, { event: 'turn.start', turn: 't2', role: 'user', text: 'from the stream', mode: 'do', level: 'L2' });
  await bench.pass();
  expect(texts()).toEqual(['from the fold', 'from the stream']);
  expect(bench.page.state.transcript.lastSeq).toBe(4);
});

test('a long session that cannot be folded is replayed', async () => {
  const { id } = bench.gateway.addSession({ title: 'long', lastSeq: 5000 });
  bench.gateway.refusals[`GET /v3/sessions/${id}`] = [503, 'unavailable', 'The session store does not answer.'];
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'from the stream', mode: 'do', level: 'L2' });
  await bench.start();
  expect(bench.page.state.transcript.turns.map((turn) => turn.text)).toEqual(['from the stream']);
});

test('a session that was moved to the trash elsewhere says so, takes no message, and goes on when it is back', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.draw(<App />);
  await bench.start('sid1');
  bench.gateway.append('sid1', { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  bench.gateway.append('sid1', { event: 'session.updated', changes: { trashed: true } });
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('moved to the trash');
  expect(screen.getByRole('log', { name: 'Timeline' })).toBeTruthy();
  expect(screen.getByText('Nothing can be sent to a session that is not there.')).toBeTruthy();
  bench.gateway.append('sid1', { event: 'session.updated', changes: { trashed: false, pruned: false } });
  await bench.pass();
  expect(screen.queryByRole('alert')).toBeNull();
});

test('the address of no session says so, and is not tried again and again', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.gateway.refusals['GET /v3/sessions/nobody'] = [404, 'not_found', 'There is no session nobody.'];
  bench.draw(<App />);
  await bench.start('nobody');
  await bench.pass(2_000);
  expect(screen.getByRole('heading', { name: 'This session is not there' })).toBeTruthy();
  expect(screen.getByRole('status', { name: 'Connection: Connected' })).toBeTruthy();
  expect(bench.gateway.open('/v3/sessions/nobody/stream')).toEqual([]);
});
