// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import type { UserEvent } from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { moreSessions } from '../../actions/sessions';
import { testBench } from '../../testing/page';
import { Sessions } from './sessions';

const bench = testBench();
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

const menuOf = async (user: UserEvent, title: RegExp) => {
  const item = row(title).closest('li') as HTMLElement;
  await user.click(within(item).getByRole('button', { name: 'Session menu' }));
  await bench.pass();
};
const choose = async (user: UserEvent, name: RegExp) => {
  await user.click(screen.getByRole('menuitem', { name }));
  await bench.pass();
};
const titles = () => [...document.querySelectorAll('[data-row]')].map((each) => each.querySelector('span')?.textContent);

test('who waits is first, then what is pinned, then the folders', async () => {
  bench.gateway.addSession({ title: 'pinned one', turns: 1, pinned: true, lastActivityAt: '2024-01-01T00:00:01Z' });
  bench.gateway.addSession({ title: 'asks', state: 'waiting', turns: 1, lastActivityAt: '2024-01-01T00:00:02Z' });
  bench.gateway.addSession({ title: 'newest', turns: 1, lastActivityAt: '2024-01-01T00:00:03Z' });
  bench.draw(<Sessions />);
  await bench.start();
  expect(titles()).toEqual(['asks', 'pinned one', 'newest']);
  expect(screen.getAllByRole('heading', { level: 3 }).map((each) => each.textContent)).toEqual(['Needs you', 'Pinned', '▾ work']);
});

test('a session is renamed in place: Enter keeps the title, Escape does not', async () => {
  bench.gateway.addSession({ title: 'old', turns: 1 });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await menuOf(user, /old/);
  await choose(user, /Rename/);
  const field = () => screen.getByRole('textbox', { name: 'Title' });
  await user.clear(field());
  await user.type(field(), 'lost{Escape}');
  await bench.pass();
  expect(row(/old/)).toBeTruthy();
  row(/old/).focus();
  await user.keyboard('{F2}');
  await user.clear(field());
  await user.type(field(), 'new title{Enter}');
  await bench.pass();
  expect(row(/new title/)).toBeTruthy();
  expect(bench.gateway.requests.filter(({ method }) => method === 'PATCH').map(({ body }) => body)).toEqual([{ title: 'new title' }]);
});

test('what was moved to the trash can be brought back at once, and later from the trash', async () => {
  bench.gateway.addSession({ title: 'first', turns: 1, lastActivityAt: '2024-01-01T00:00:01Z' });
  bench.gateway.addSession({ title: 'second', turns: 1, lastActivityAt: '2024-01-01T00:00:02Z' });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await menuOf(user, /second/);
  await choose(user, /Move to trash/);
  expect([titles(), bench.page.state.selected]).toEqual([['first'], 'sid1']);
  await user.click(screen.getByRole('button', { name: 'Undo' }));
  await bench.pass();
  expect([titles(), bench.page.state.selected, screen.queryByText(/is in the trash/)]).toEqual([['second', 'first'], 'sid2', null]);
  await menuOf(user, /second/);
  await choose(user, /Move to trash/);
  await user.click(screen.getByRole('button', { name: 'What is listed, and how' }));
  await bench.pass();
  await user.click(screen.getByRole('menuitemradio', { name: 'Trash' }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: 'Restore: second' }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: /Back/ }));
  expect(titles()).toEqual(['second', 'first']);
});

test('a session that works cannot go, and the menu says why', async () => {
  bench.gateway.addSession({ title: 'works', state: 'running', turns: 1 });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await menuOf(user, /works/);
  const item = screen.getByRole('menuitem', { name: /Move to trash/ });
  expect([item.getAttribute('aria-disabled'), item.textContent]).toEqual(['true', 'Move to trashstop it first']);
});

test('an archived session leaves the list, can be opened in the archive, and comes back from there', async () => {
  bench.gateway.addSession({ title: 'kept', turns: 1 });
  bench.gateway.addSession({ title: 'old', turns: 1 });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await menuOf(user, /old/);
  await choose(user, /Archive/);
  expect(titles()).toEqual(['kept']);
  await user.click(screen.getByRole('button', { name: 'What is listed, and how' }));
  await bench.pass();
  await user.click(screen.getByRole('menuitemradio', { name: 'Archive' }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: 'old' }));
  await bench.pass();
  expect(bench.page.state.selected).toBe('sid2');
  await user.click(screen.getByRole('button', { name: 'Restore: old' }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: /Back/ }));
  expect(titles().sort()).toEqual(['kept', 'old']);
});

test('sub-agents are listed under their session when they are asked for', async () => {
  bench.gateway.addSession({ title: 'parent', turns: 1 });
  bench.gateway.addSession({ title: 'helper', turns: 1, parent: 'sid1', parentCall: 'c1' });
  const user = bench.draw(<Sessions />);
  await bench.start();
  expect(titles()).toEqual(['parent']);
  await menuOf(user, /parent/);
  await choose(user, /Show sub-agents/);
  expect(titles()).toEqual(['parent', 'helper']);
  await menuOf(user, /parent/);
  await choose(user, /Hide sub-agents/);
  expect(titles()).toEqual(['parent']);
});

test('what ended while another session was open is unread until it is opened', async () => {
  const first = bench.gateway.addSession({ title: 'first', turns: 1 });
  bench.gateway.addSession({ title: 'second', turns: 1 });
  const user = bench.draw(<Sessions />);
  await bench.start('sid2');
  Object.assign(first, { endedSeq: 5, lastActivityAt: '2099-01-01T00:00:00Z', lastSeq: 5 });
  bench.gateway.append('sid1', { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop' });
  await bench.pass();
  expect(row(/first.*unread/)).toBeTruthy();
  await user.click(row(/first/));
  await bench.pass();
  expect(screen.queryByRole('button', { name: /unread/ })).toBeNull();
  expect(bench.stored.remembered).toMatchObject({ seen: { sid1: 5 } });
});

test('what ends in a window that nobody sees stays unread until somebody looks', async () => {
  const session = bench.gateway.addSession({ title: 'first', turns: 1 });
  bench.draw(<Sessions />);
  await bench.start('sid1');
  bench.isSeen = false;
  Object.assign(session, { endedSeq: 5, lastSeq: 5 });
  bench.gateway.append('sid1', { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop' });
  await bench.pass();
  expect(bench.page.state.remembered.seen.sid1).toBe(0);
  bench.isSeen = true;
  bench.page.kick();
  expect(bench.page.state.remembered.seen.sid1).toBe(5);
});

test('by date, the sessions are under their days; the choice is kept', async () => {
  bench.gateway.addSession({ title: 'now', turns: 1, lastActivityAt: new Date().toISOString() });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await user.click(screen.getByRole('button', { name: 'What is listed, and how' }));
  await bench.pass();
  await user.click(screen.getByRole('menuitemradio', { name: 'By date' }));
  await bench.pass();
  expect(screen.getByRole('heading', { name: 'Today' })).toBeTruthy();
  expect(bench.stored.remembered).toMatchObject({ grouping: 'date' });
});

test('a folder can be folded away, and gets a new session from its heading', async () => {
  bench.gateway.addSession({ title: 'one', turns: 1, cwd: '/projects/api' });
  const user = bench.draw(<Sessions />);
  await bench.start();
  await user.click(screen.getByRole('button', { name: 'api' }));
  expect(titles()).toEqual([]);
  await user.click(screen.getByRole('button', { name: /^api/ }));
  await user.click(screen.getByRole('button', { name: 'Begin a session in api' }));
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'chat', cwd: '/projects/api' }]);
});

test('one row takes the Tab key, and the arrow keys move between rows', async () => {
  for (const title of ['third', 'second', 'first']) bench.gateway.addSession({ title, turns: 1 });
  const user = bench.draw(<Sessions />);
  await bench.start();
  const stops = () => [...document.querySelectorAll('[data-row]')].map((each) => (each as HTMLElement).tabIndex);
  expect(stops()).toEqual([0, -1, -1]);
  row(/first/).focus();
  await user.keyboard('{ArrowDown}{ArrowDown}');
  await bench.pass();
  expect([document.activeElement, stops()]).toEqual([row(/third/), [-1, -1, 0]]);
  await user.keyboard('{Home}');
  await bench.pass();
  expect(document.activeElement).toBe(row(/first/));
});

test('while the connection is lost, what was running is not said to run', async () => {
  bench.gateway.addSession({ title: 'works', state: 'running', turns: 1 });
  bench.draw(<Sessions />);
  await bench.start();
  expect(row(/works.*Running/)).toBeTruthy();
  bench.gateway.stop();
  await bench.pass(3_000);
  expect(row(/works.*Reconnecting/)).toBeTruthy();
});

test('older sessions come when they are asked for, and stay', async () => {
  for (let number = 0; number < 205; number += 1) bench.gateway.addSession({ title: `s${number}`, cwd: `/w${number % 3}`, turns: 1, lastActivityAt: new Date(1e12 + number * 1e6).toISOString() });
  bench.draw(<Sessions />);
  await bench.start();
  expect([bench.page.state.sessions.length, bench.page.state.hasMoreSessions]).toEqual([200, true]);
  await perform(bench.page, moreSessions, undefined);
  bench.page.refreshSessions();
  await bench.pass();
  expect([bench.page.state.sessions.length, bench.page.state.hasMoreSessions]).toEqual([205, false]);
});
