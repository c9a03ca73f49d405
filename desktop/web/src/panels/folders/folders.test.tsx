// @vitest-environment jsdom
// The folder of a session: chosen before it begins, never silently.

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { App } from '../../app';
import { perform } from '../../actions/action';
import { askFolder } from '../../actions/folders';
import { testBench } from '../../testing/page';

const bench = testBench();
const dialog = () => within(screen.getByRole('dialog'));
const path = () => dialog().getByRole<HTMLInputElement>('textbox', { name: 'Path of the folder' });

async function open(asked: 'new' | 'change' = 'new') {
  bench.gateway.paths = ['/home/ada/code', '/home/ada/notes', '/home/ada/code/api', '/home/ada/code/web.git', '/work/inner'];
  const user = bench.draw(<App />);
  await bench.start();
  await perform(bench.page, askFolder, asked);
  await bench.pass();
  return user;
}

function withoutMemory() {
  bench.stored.remembered = null;
  bench.page = bench.newPage();
}

test('a folder is looked for from the home folder on, and the session works in it', async () => {
  withoutMemory();
  const user = await open();
  expect(path().value).toBe('~/');
  await user.clear(path());
  await user.type(path(), '/home/ada/');
  await bench.pass();
  await user.click(dialog().getByRole('button', { name: 'Open code' }));
  await bench.pass();
  expect(path().value).toBe('/home/ada/code/');
  expect(dialog().getByText('git')).toBeTruthy();
  await user.click(dialog().getByRole('button', { name: 'Use api' }));
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'chat', cwd: '/home/ada/code/api' }]);
  expect(screen.queryByRole('dialog')).toBeNull();
  expect(bench.stored.remembered).toMatchObject({ folder: '/home/ada/code/api' });
  expect(screen.getByRole('button', { name: 'Folder: /home/ada/code/api' }).textContent).toContain('~/code/api');
});

test('a path completes with Tab, and Enter takes it', async () => {
  const user = await open();
  await user.clear(path());
  await user.type(path(), '/home/ada/co');
  await bench.pass();
  await user.keyboard('{Tab}');
  expect(path().value).toBe('/home/ada/code/');
  await bench.pass();
  await user.type(path(), 'api{Enter}');
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'chat', cwd: '/home/ada/code/api' }]);
});

test('the arrow keys lead from the path into the list and back', async () => {
  const user = await open();
  await user.clear(path());
  await user.type(path(), '/home/ada/n{ArrowDown}');
  await bench.pass();
  await user.type(path(), '{ArrowDown}');
  expect(document.activeElement?.getAttribute('aria-label')).toBe('Open notes');
  await user.keyboard('{ArrowUp}');
  expect(document.activeElement).toBe(path());
});

test('folders of other sessions are one click away', async () => {
  bench.gateway.addSession({ cwd: '/projects/api', turns: 1 });
  const user = await open();
  await user.click(dialog().getByRole('button', { name: '/projects/api' }));
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'chat', cwd: '/projects/api' }]);
});

test('a folder in which no session can work says why, and is not offered', async () => {
  const user = await open();
  await user.clear(path());
  await user.type(path(), '/');
  await bench.pass();
  expect(dialog().getByRole('alert').textContent).toContain('root of the file system');
  expect(dialog().getByRole<HTMLButtonElement>('button', { name: 'Use this folder' }).disabled).toBe(true);
});

test('what the daemon refuses is said in the dialog, which stays', async () => {
  const user = await open();
  bench.gateway.refusals['POST /v3/sessions'] = [422, 'invalid', 'There is no such folder.'];
  await user.clear(path());
  await user.type(path(), '/home/ada/nothing{Enter}');
  await bench.pass();
  expect(dialog().getByRole('alert').textContent).toContain('There is no such folder.');
});

test('a message without a folder waits for one, and is then sent', async () => {
  withoutMemory();
  const user = bench.draw(<App />);
  await bench.start();
  await user.type(screen.getByRole('textbox', { name: 'Message' }), 'hello');
  await user.click(screen.getByRole('button', { name: /Send/ }));
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([]);
  await user.click(dialog().getByRole('button', { name: 'Without a folder' }));
  await bench.pass();
  expect([bench.gateway.posted(/sessions$/), bench.gateway.posted(/turns$/)]).toEqual([[{ mode: 'chat' }], [{ text: 'hello' }]]);
});

test('an empty session moves to another folder with what was written; one with messages stays', async () => {
  bench.gateway.addSession({ cwd: '/work' });
  const user = await open('change');
  bench.page.set({ drafts: { sid1: 'begun' } });
  await user.clear(path());
  await user.type(path(), '/work/inner{Enter}');
  await bench.pass();
  expect([bench.page.state.selected, bench.page.state.drafts.sid2, bench.gateway.trash.map(({ id }) => id)]).toEqual(['sid2', 'begun', ['sid1']]);
  bench.gateway.append('sid2', { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  await bench.pass();
  await perform(bench.page, askFolder, 'change');
  expect(bench.page.state.folderAsked).toBeNull();
});

test('Escape leaves everything as it was', async () => {
  const user = await open();
  await user.keyboard('{Escape}');
  await bench.pass();
  expect([screen.queryByRole('dialog'), bench.gateway.posted(/sessions$/)]).toEqual([null, []]);
});
