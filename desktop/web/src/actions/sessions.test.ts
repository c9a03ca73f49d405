import { expect, test } from 'vitest';
import { testBench } from '../testing/page';
import { perform } from './action';
import { filterSessions, newSession, newSessionIn, openSession, searchSessions } from './sessions';

const bench = testBench();

test('a new session has the folder of the open one, is opened, and takes the keys', async () => {
  bench.gateway.addSession({ cwd: '/projects/api', turns: 1 });
  await bench.start();
  await perform(bench.page, newSession, undefined);
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'chat', cwd: '/projects/api' }]);
  expect([bench.page.state.selected, bench.page.state.sessions.length, bench.focused]).toEqual(['sid2', 2, ['composer']]);
});

test('a session that nobody has used is taken instead of a second one, but only in its folder', async () => {
  bench.gateway.addSession({ cwd: '/a' });
  bench.gateway.addSession({ cwd: '/b', turns: 2 });
  await bench.start();
  await perform(bench.page, newSessionIn, '/a');
  await bench.pass();
  expect([bench.gateway.posted(/sessions$/), bench.page.state.selected]).toEqual([[], 'sid1']);
  await perform(bench.page, newSessionIn, '/b');
  await bench.pass();
  expect([bench.gateway.posted(/sessions$/), bench.page.state.selected]).toEqual([[{ mode: 'chat', cwd: '/b' }], 'sid3']);
});

test('the first session asks for its folder, and so does one whose folder is gone', async () => {
  bench.stored.remembered = null;
  bench.page = bench.newPage();
  await bench.start();
  await perform(bench.page, newSession, undefined);
  expect([bench.page.state.folderAsked, bench.gateway.posted(/sessions$/)]).toEqual(['new', []]);
  bench.page.set({ folderAsked: null });
  bench.page.remember({ folder: '/gone' });
  bench.gateway.refusals['POST /v3/sessions'] = [422, 'invalid', 'There is no such folder.'];
  await perform(bench.page, newSession, undefined);
  expect([bench.page.state.folderAsked, bench.page.state.problem]).toEqual(['new', 'There is no such folder.']);
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
