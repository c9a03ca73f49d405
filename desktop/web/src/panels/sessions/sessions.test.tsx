// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { useTestBench } from '../../testing/page';
import { Sessions } from './sessions';

const bench = useTestBench();
const row = (name: RegExp) => screen.getByRole('button', { name });

test('each session is listed with its state and turns, and the open one is marked', async () => {
  bench.gateway.addSession({ title: 'asks', state: 'waiting', turns: 1 });
  bench.gateway.addSession({ title: 'works', state: 'running', turns: 12 });
  bench.gateway.addSession({});
  const user = bench.draw(<Sessions />);
  await bench.start();
  expect(row(/asks.*Needs you.*1 turn$/)).toBeTruthy();
  expect(row(/works.*Running.*12 turns$/)).toBeTruthy();
  expect(row(/New session.*New.*0 turns$/).getAttribute('aria-current')).toBe('true');
  await user.click(row(/works/));
  expect([row(/works/).getAttribute('aria-current'), bench.page.state.selected]).toEqual(['true', 'sid2']);
});

test('a session whose last turn can be resumed is stopped, not done', async () => {
  bench.gateway.addSession({ title: 'met a limit', turns: 1, resumable: 't1' });
  bench.gateway.addSession({ title: 'has ended', turns: 1 });
  bench.draw(<Sessions />);
  await bench.start();
  expect(row(/met a limit.*Stopped/)).toBeTruthy();
  expect(row(/has ended.*Done/)).toBeTruthy();
});

test('an event of any session brings its new state', async () => {
  const session = bench.gateway.addSession({ title: 'works' });
  bench.draw(<Sessions />);
  await bench.start();
  Object.assign(session, { state: 'failed', turns: 1 });
  bench.gateway.append(session.id, { event: 'turn.error', turn: 't1', code: 'x', message: 'm', domain: 'tool' });
  await bench.pass();
  expect(row(/works.*Failed/)).toBeTruthy();
});

test('tokens do not make the page read the list again', async () => {
  const { id } = bench.gateway.addSession();
  bench.draw(<Sessions />);
  await bench.start();
  const reads = () => bench.gateway.requests.filter(({ path }) => path === '/v3/sessions').length;
  const before = reads();
  for (let token = 0; token < 50; token += 1) bench.gateway.append(id, { event: 'turn.token', turn: 't1', delta: 'a "event":"turn.done" b' });
  await bench.pass(1_000);
  expect(reads()).toBe(before);
});

test('the search shows the sessions that fit, and says so when none does', async () => {
  bench.gateway.addSession({ title: 'write notes' });
  bench.gateway.addSession({ title: 'run tests' });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await user.type(screen.getByRole('searchbox', { name: 'Search sessions' }), 'notes');
  await bench.pass();
  expect(screen.queryByRole('button', { name: /run tests/ })).toBeNull();
  expect(row(/write notes/)).toBeTruthy();
  await user.type(screen.getByRole('searchbox', { name: 'Search sessions' }), 'x');
  await bench.pass();
  expect(screen.getByText('No session fits.')).toBeTruthy();
});

test('the button at the end starts a new session', async () => {
  const user = bench.draw(<Sessions />);
  await bench.start();
  expect(screen.getByText('No sessions yet.')).toBeTruthy();
  await user.click(row(/New session/));
  await bench.pass();
  expect(bench.page.state.selected).toBe('sid1');
});
