import { expect, test } from 'vitest';
import { perform } from './actions/action';
import { allowNotifications } from './actions/view';
import { testBench } from './testing/page';

const bench = testBench();
const T1 = { turn: 't1' };

test('an end and a question of any session are shown, with the title of the session', async () => {
  bench.gateway.addSession({ title: 'Fix it' });
  bench.gateway.addSession();
  await bench.start();
  for (const event of [
    { ...T1, event: 'turn.token', delta: 'x' },
    { ...T1, event: 'turn.done', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop' },
    { ...T1, event: 'turn.done', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'steps' },
    { ...T1, event: 'turn.error', code: 'broken', message: 'No key.', domain: 'tool' },
    { ...T1, event: 'question.asked', questionId: 'q', callId: 'c', text: 'Which?' },
    { ...T1, event: 'permission.request', requestId: 'r', callId: 'c', name: 'run_command', args: {}, reason: '', rule: '', layer: 'user', expiresAt: '' },
    { ...T1, event: 'session.cancelled', reason: 'Stopped by the user.', by: 'client' },
  ])
    bench.gateway.append('sid1', event);
  await bench.pass();
  expect(bench.notified).toEqual([
    ['Opta: Fix it', 'Finished.'],
    ['Opta: Fix it', 'Stopped at a limit; it is not finished.'],
    ['Opta: Fix it', 'Failed: No key.'],
    ['Opta: Fix it', 'Asks you: Which?'],
    ['Opta: Fix it', 'Needs your answer: run_command'],
  ]);
});

test('a browser that shows no notifications is named', async () => {
  await bench.start();
  expect(await perform(bench.page, allowNotifications, undefined)).toBe(true);
  bench.mayNotify = false;
  expect(await perform(bench.page, allowNotifications, undefined)).toBe(false);
  expect(bench.page.state.problem).toMatch(/^The browser does not show notifications/);
});
