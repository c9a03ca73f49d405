import { expect, test } from 'vitest';
import { useTestBench } from '../testing/page';
import { perform } from './action';
import { filterSessions, newSession, openSession, searchSessions } from './sessions';

const bench = useTestBench();

test('a new session has the folder of the open one, is opened, and takes the keys', async () => {
  bench.gateway.addSession({ cwd: '/projects/api' });
  await bench.start();
  await perform(bench.page, newSession, undefined);
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'chat', cwd: '/projects/api' }]);
  expect([bench.page.state.selected, bench.page.state.sessions.length, bench.focused]).toEqual(['sid2', 2, ['composer']]);
});

test('an opened session is followed, and the one before no more', async () => {
  bench.gateway.addSession();
  bench.gateway.addSession();
  await bench.start();
  await perform(bench.page, openSession, 'sid1');
  await bench.pass();
  expect(bench.gateway.open('/v3/sessions/sid1/stream')).toHaveLength(1);
  expect(bench.gateway.open('/v3/sessions/sid2/stream')).toHaveLength(0);
  expect(bench.page.state.transcript.sid).toBe('sid1');
});

test('the list shows the sessions with the words that were written last', async () => {
  for (const title of ['read a file', 'write a file', 'run it']) bench.gateway.addSession({ title });
  await bench.start();
  for (const words of ['f', 'file', 'write']) void perform(bench.page, filterSessions, words);
  await bench.pass();
  expect(bench.page.state.sessions.map(({ title }) => title)).toEqual(['write a file']);
  expect(bench.page.state.selected).toBe('sid3');
});

test('a search shows the rail, and takes the keys', async () => {
  await perform(bench.page, searchSessions, undefined);
  expect([bench.page.state.isRailOpen, bench.focused]).toEqual([true, ['search']]);
});
