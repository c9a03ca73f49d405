import { expect, test } from 'vitest';
import { testBench } from '../testing/page';
import { perform } from './action';
import { copyCurrentTurn, copyTurnLink, goToEnd, goToTurn, nextTurn, openFind, previousTurn } from './timeline';

const bench = testBench();

async function withTurns(count: number): Promise<void> {
  const { id } = bench.gateway.addSession();
  for (let at = 1; at <= count; at += 1) bench.gateway.append(id, { event: 'turn.start', turn: `t${at}`, role: 'user', text: `prompt ${at}`, mode: 'chat', level: 'L1' });
  await bench.start();
}
const target = () => bench.page.state.reveal;
const spot = (turn: string, above: number, wentTo?: string) => bench.page.kept.setSpot('sid1', { turn, above, isEnd: false, ...(wentTo ? { wentTo } : {}) });

test('the turn before is the one whose beginning is above the window, then the one before it', async () => {
  await withTurns(5);
  spot('t3', 40);
  await perform(bench.page, previousTurn, undefined);
  expect(target()).toEqual({ at: 'turn', turn: 't3', takesFocus: true });
  spot('t3', 0, 't3');
  await perform(bench.page, previousTurn, undefined);
  expect(target()).toEqual({ at: 'turn', turn: 't2', takesFocus: true });
});

test('the turn after the last one is the end, and before the first one is the first', async () => {
  await withTurns(2);
  spot('t1', 0, 't2');
  await perform(bench.page, nextTurn, undefined);
  expect(target()).toEqual({ at: 'end' });
  spot('t1', 0, 't1');
  await perform(bench.page, previousTurn, undefined);
  expect(target()).toEqual({ at: 'turn', turn: 't1', takesFocus: true });
});

test('a link names the turn, and to go there changes the address', async () => {
  await withTurns(2);
  const turn = bench.page.state.transcript.turns[0];
  if (!turn) throw new Error('there is no turn');
  await perform(bench.page, copyTurnLink, turn);
  expect(bench.copied).toBe('http://opta/#/s/sid1/t1');
  await perform(bench.page, goToTurn, turn);
  expect([target(), bench.went.at(-1)]).toEqual([{ at: 'turn', turn: 't1' }, { view: 'session', sid: 'sid1', turn: 't1' }]);
  await perform(bench.page, goToEnd, undefined);
  expect(target()).toEqual({ at: 'end' });
});

test('the turn in view is copied, and the find bar takes the focus', async () => {
  await withTurns(3);
  spot('t2', 0);
  await perform(bench.page, copyCurrentTurn, undefined);
  expect(bench.copied).toBe('**You:** prompt 2\n');
  await perform(bench.page, openFind, undefined);
  expect([bench.page.state.isFindOpen, bench.focused.at(-1)]).toEqual([true, 'find']);
});

test('nothing can be gone to in an empty session', async () => {
  await withTurns(0);
  expect([previousTurn, nextTurn, goToEnd, openFind, copyCurrentTurn].map((action) => action.when(bench.page.state))).toEqual([false, false, false, false, false]);
});
