import { expect, test } from 'vitest';
import { testBench } from '../testing/page';
import { perform } from './action';
import { answerPermission, trustFolder } from './consent';

const bench = testBench();
const QUESTION = { event: 'permission.request', turn: 't1', requestId: 'r1', callId: 'c1', name: 'todo', args: {}, reason: '', rule: '', layer: '', expiresAt: '' };

async function ask(): Promise<void> {
  const { id } = bench.gateway.addSession();
  await bench.start();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' });
  bench.gateway.append(id, { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 });
  bench.gateway.append(id, { event: 'tool.call', turn: 't1', callId: 'c1', name: 'todo', args: {}, risk: 'read', step: 1 });
  bench.gateway.append(id, QUESTION);
  await bench.pass();
}

test('an answer goes to the question that was shown', async () => {
  await ask();
  expect(await perform(bench.page, answerPermission, { requestId: 'r1', decision: 'always', offer: 'always' })).toBe(true);
  expect(bench.gateway.posted(/permissions\/r1$/)).toEqual([{ decision: 'always', client: 'the page', offer: 'always' }]);
});

test('a question that is not asked any more cannot be answered', async () => {
  await ask();
  expect(await perform(bench.page, answerPermission, { requestId: 'r0', decision: 'allow', offer: '' })).toBe(false);
  expect(bench.gateway.posted(/permissions/)).toEqual([]);
});

test('only the files that were shown can be trusted', async () => {
  await ask();
  await bench.page.readTrust('/work');
  expect(await perform(bench.page, trustFolder, 'another hash')).toBe(false);
  expect(bench.gateway.posted(/trust/)).toEqual([]);
  expect(await perform(bench.page, trustFolder, bench.page.state.trust?.sha256 ?? 'none')).toBe(true);
  expect(bench.gateway.posted(/trust/)).toEqual([{ cwd: '/work', sha256: '' }]);
});
