import { expect, test } from 'vitest';
import { testBench } from '../testing/page';
import type { Turn } from '../transcript';
import { perform } from './action';
import { editTurn, forkTurn, openParent, retryTurn } from './forks';

const bench = testBench();
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' };
const DONE = { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 2, tokensPerSec: 9, tools: 0, steps: 1, finish: 'stop' };

async function ended(): Promise<Turn> {
  const { id } = bench.gateway.addSession();
  await bench.start();
  bench.gateway.append(id, START);
  await bench.pass();
  const turn = bench.page.state.transcript.turns[0];
  if (!turn) throw new Error('there is no turn');
  expect([forkTurn.when(bench.page.state, turn), retryTurn.when(bench.page.state, turn)]).toEqual([false, false]);
  bench.gateway.append(id, DONE);
  await bench.pass();
  return turn;
}

test('a fork, another try and other words each open the new session', async () => {
  const turn = await ended();
  for (const [action, argument, body] of [
    [forkTurn, turn, { turnId: 't1' }],
    [retryTurn, turn, { turnId: 't1', again: true }],
    [editTurn, { turn, text: 'better' }, { turnId: 't1', again: true, text: 'better' }],
  ] as const) {
    const made = bench.gateway.addSession();
    bench.gateway.answers['POST /v3/sessions/sid1/fork'] = { session: made, turnId: '' };
    bench.page.open('sid1');
    await bench.pass();
    expect(await perform(bench.page, action as typeof forkTurn, argument as Turn)).toBe(true);
    expect(bench.gateway.posted(/fork$/).at(-1)).toEqual(body);
    expect(bench.page.state.selected).toBe(made.id);
  }
  expect(await perform(bench.page, editTurn, { turn, text: ' ' })).toBe(false);
});

test('the parent of a fork can be opened', async () => {
  await ended();
  expect(openParent.when(bench.page.state)).toBe(false);
  const fork = bench.gateway.addSession();
  bench.gateway.append(fork.id, { event: 'session.start', title: '', cwd: '/work', mode: 'chat', level: 'L1', parent: 'sid1', parentTurn: 't1' });
  bench.page.open(fork.id);
  await bench.pass();
  await perform(bench.page, openParent, undefined);
  expect(bench.page.state.selected).toBe('sid1');
});
