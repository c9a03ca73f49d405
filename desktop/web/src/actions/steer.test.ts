import { expect, test } from 'vitest';
import { draft, withDraft } from '../state';
import { testBench } from '../testing/page';
import { perform } from './action';
import { continueTurn, editWaiting, pauseTurn, removeWaiting, steerTurn } from './steer';

const bench = testBench();
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' };
const STEP = { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 };
const write = (text: string) => bench.page.set(withDraft(bench.page.state, bench.page.state.selected, text));

async function begin(...events: Record<string, unknown>[]): Promise<string> {
  const { id } = bench.gateway.addSession();
  await bench.start();
  for (const event of events) bench.gateway.append(id, event);
  await bench.pass();
  return id;
}

test('what is written can be said to a running turn, and leaves the composer once the daemon has it', async () => {
  const id = await begin();
  write('only in src');
  expect(steerTurn.when(bench.page.state)).toBe(false);
  bench.gateway.append(id, START);
  bench.gateway.append(id, STEP);
  await bench.pass();
  expect(await perform(bench.page, steerTurn, undefined)).toBe(true);
  expect(bench.gateway.posted(/steer$/)).toEqual([{ text: 'only in src' }]);
  expect(bench.gateway.posted(/turns$/)).toEqual([]);
  expect(draft(bench.page.state)).toBe('');
});

test('what could not be said stays in the composer', async () => {
  const id = await begin(START, STEP);
  write('only in src');
  bench.gateway.refusals[`POST /v3/sessions/${id}/steer`] = [409, 'conflict', 't1 has ended.'];
  expect(await perform(bench.page, steerTurn, undefined)).toBe(false);
  expect([draft(bench.page.state), bench.page.state.problem]).toEqual(['only in src', 't1 has ended.']);
});

test('a turn is paused, and goes on', async () => {
  const id = await begin(START, STEP);
  const offered = () => [pauseTurn.when(bench.page.state), continueTurn.when(bench.page.state)];
  expect(offered()).toEqual([true, false]);
  await perform(bench.page, pauseTurn, undefined);
  expect(bench.gateway.posted(/pause$/)).toHaveLength(1);
  for (const event of [
    { event: 'turn.pausing', turn: 't1', by: 'client' },
    { event: 'turn.paused', turn: 't1', step: 2 },
  ]) {
    bench.gateway.append(id, event);
    await bench.pass();
    expect(offered()).toEqual([false, true]);
  }
  await perform(bench.page, continueTurn, undefined);
  expect(bench.gateway.posted(/resume$/)).toHaveLength(1);
});

test('words that wait are changed and removed, and so is a turn that waits', async () => {
  const id = await begin(START, STEP);
  await perform(bench.page, editWaiting, { kind: 'steer', id: 'a', text: 'better' });
  await perform(bench.page, editWaiting, { kind: 'turn', id: 't2', text: 'the second' });
  expect(await perform(bench.page, editWaiting, { kind: 'turn', id: 't2', text: ' ' })).toBe(false);
  await perform(bench.page, removeWaiting, { kind: 'steer', id: 'a', text: '' });
  await perform(bench.page, removeWaiting, { kind: 'turn', id: 't2', text: '' });
  const asked = bench.gateway.requests.filter(({ method }) => method !== 'GET').map(({ method, path, body }) => [method, path, body]);
  expect(asked).toEqual([
    ['PATCH', `/v3/sessions/${id}/steer/a`, { text: 'better' }],
    ['PATCH', `/v3/sessions/${id}/turns/t2`, { text: 'the second' }],
    ['DELETE', `/v3/sessions/${id}/steer/a`, {}],
    ['POST', `/v3/sessions/${id}/stop`, { turnId: 't2' }],
  ]);
});
