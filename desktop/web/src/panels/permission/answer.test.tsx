// @vitest-environment jsdom
// The permission panel: one question at a time, answered only by its own buttons, and closed when somebody else was faster.

import { act, fireEvent, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { useTestBench } from '../../testing/page';
import { SETTLE_MS } from '../../ui/settled';
import { Permission } from './permission';

const bench = useTestBench();

async function ask(count: number): Promise<void> {
  const { id } = bench.gateway.addSession();
  bench.draw(<Permission />);
  await bench.start();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' });
  bench.gateway.append(id, { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 });
  for (let at = 1; at <= count; at += 1) {
    const call = { turn: 't1', callId: `c${at}`, name: 'list_dir', args: { path: `folder-${at}` } };
    bench.gateway.append(id, { ...call, event: 'tool.call', risk: 'read', step: 1 });
    const expiresAt = new Date(Date.now() + 300_000).toISOString();
    bench.gateway.append(id, { ...call, event: 'permission.request', requestId: `r${at}`, reason: 'list_dir = ask', rule: '', layer: '', expiresAt });
  }
  await bench.pass();
}

const card = () => screen.queryByRole('region', { name: 'Permission' });
const button = (name: string) => screen.getByRole<HTMLButtonElement>('button', { name });
const answers = () => bench.gateway.requests.filter(({ path }) => path.includes('/permissions/')).map(({ path, body }) => [path.split('/').pop(), body.decision]);

test('a question cannot be answered before it was on the screen for a moment', async () => {
  await ask(1);
  expect(button('Allow once').disabled).toBe(true);
  await bench.pass(SETTLE_MS);
  fireEvent.click(button('Allow once'));
  await bench.pass();
  expect(answers()).toEqual([['r1', 'allow']]);
});

test('the next question starts its own moment, so a double click answers one', async () => {
  await ask(2);
  await bench.pass(SETTLE_MS);
  expect(card()?.textContent).toContain('1 of 2');
  fireEvent.click(button('Deny'));
  fireEvent.click(button('Deny'));
  await bench.pass();
  bench.gateway.append('sid1', { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'deny', by: 'client' });
  await bench.pass(100);
  expect(card()?.textContent).toContain('folder-2');
  fireEvent.click(button('Deny'));
  await bench.pass();
  expect(answers()).toEqual([['r1', 'deny']]);
});

test('Escape denies within the card, and a held key does nothing', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  const shown = card();
  if (!shown) throw new Error('nothing is asked');
  fireEvent.keyDown(document.body, { key: 'Escape' });
  await bench.pass(SETTLE_MS * 2);
  fireEvent.keyDown(shown, { key: 'Escape', repeat: true });
  await bench.pass(SETTLE_MS * 2);
  expect(answers()).toEqual([]);
  fireEvent.keyDown(shown, { key: 'Escape' });
  await bench.pass();
  expect(answers()).toEqual([['r1', 'deny']]);
});

test('an answer that does not arrive can be given again', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  bench.gateway.refusals['POST /v3/sessions/sid1/permissions/r1'] = [503, 'unavailable', 'The store does not answer.'];
  fireEvent.click(button('Allow once'));
  await bench.pass();
  expect(bench.page.state.problem).toBe('The store does not answer.');
  bench.gateway.refusals = {};
  fireEvent.click(button('Allow once'));
  await bench.pass();
  expect(answers()).toHaveLength(2);
});

test('a question that was answered elsewhere closes, and says where', async () => {
  await ask(1);
  const decision = { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'deny', by: 'client', client: 'the terminal' };
  bench.gateway.append('sid1', decision);
  await bench.pass();
  expect(card()).toBeNull();
  expect(screen.getByRole('status').textContent).toContain('list_dir: Answered in the terminal: denied.');
  act(() => button('Dismiss').click());
  expect(screen.queryByRole('status')).toBeNull();
});
