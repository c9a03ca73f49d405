import { expect, test } from 'vitest';
import { nextLevel, nextMode, nextModel } from '../state';
import { testBench } from '../testing/page';
import { perform } from './action';
import { chooseLevel, chooseModel, toggleMode } from './composer';

const bench = testBench();
const next = () => [nextMode(bench.page.state), nextModel(bench.page.state), nextLevel(bench.page.state)];

test('what is not chosen follows the session and the default model', async () => {
  bench.gateway.addSession({ mode: 'do', level: 'L3' });
  await bench.start();
  expect(next()).toEqual(['do', 'lmx/probe', 'L3']);
});

test('a changed mode brings its level, unless that is chosen too', async () => {
  bench.gateway.addSession({ mode: 'do', level: 'L3' });
  await bench.start();
  await perform(bench.page, toggleMode, undefined);
  expect(next()).toEqual(['chat', 'lmx/probe', 'L1']);
  await perform(bench.page, toggleMode, undefined);
  expect(next()).toEqual(['do', 'lmx/probe', 'L2']);
  await perform(bench.page, chooseLevel, 'L1');
  await perform(bench.page, chooseModel, 'lmx/qwen');
  expect(next()).toEqual(['do', 'lmx/qwen', 'L1']);
});
