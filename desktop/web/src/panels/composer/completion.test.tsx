// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { beforeEach, expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { Composer } from './composer';

const bench = testBench();
const box = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
const words = () => screen.queryAllByRole('option').map((option) => option.querySelector('code')?.textContent);
const active = () => document.getElementById(box().getAttribute('aria-activedescendant') ?? '')?.querySelector('code')?.textContent;

const COMMAND = { name: 'review', description: 'Review a file', arguments: 'FILE', origin: 'user', path: '', mode: '', model: '' };
const SKILL = { name: 'pdf', description: 'Fill forms', origin: 'user', path: '/skills/pdf/SKILL.md', isListed: true };

beforeEach(() => {
  bench.gateway.answers['GET /v3/commands'] = { commands: [COMMAND, { ...COMMAND, name: 'release', description: 'Publish', arguments: '', origin: 'project' }], problems: [] };
  bench.gateway.answers['GET /v3/skills'] = { skills: [SKILL, { ...SKILL, name: 'quiet', path: '/skills/quiet/SKILL.md', isListed: false }], problems: [] };
  bench.gateway.answers['GET /v3/files'] = { files: [{ path: 'src', isFolder: true }, { path: 'my notes.txt', isFolder: false }, { path: 'src/app.py', isFolder: false }], isWhole: true };
});

async function typed(text: string) {
  bench.gateway.addSession({ cwd: '/work', turns: 1 });
  const user = bench.draw(<Composer />);
  await bench.start();
  await user.type(box(), text);
  await bench.pass();
  return user;
}

test('a slash at the beginning lists commands, skills and the actions that can be done now', async () => {
  const user = await typed('/');
  expect(words()).toEqual(expect.arrayContaining(['/review FILE', '/release', '/pdf', '/new-session', '/mode']));
  expect(screen.getAllByRole('group').map((group) => group.getAttribute('aria-label'))).toEqual(expect.arrayContaining(['Your commands', 'Commands of this project', 'Skills', 'Actions']));
  // Nothing runs, and the message itself is no command.
  await user.keyboard('s');
  expect(words()).toEqual(expect.arrayContaining(['/search-sessions']));
  expect(words()).not.toEqual(expect.arrayContaining(['/stop']));
  expect(words()).not.toEqual(expect.arrayContaining(['/send']));
});

test('a long list shows a part of it that follows the arrow keys', async () => {
  const many = [...Array(30).keys()].map((at) => ({ path: `f${at}`, isFolder: false }));
  bench.gateway.answers['GET /v3/files'] = { files: many, isWhole: true };
  const user = await typed('@f');
  const shown = words().length;
  expect(screen.getByText(`1 to ${shown} of 30`)).toBeTruthy();
  await user.keyboard('{ArrowUp}');
  expect([active(), words().length]).toEqual(['f29', shown]);
  await user.keyboard('{ArrowDown}');
  expect(active()).toBe('f0');
});

test('Tab and Enter complete the active one, which the arrow keys choose and the field names', async () => {
  const user = await typed('/re');
  expect(words().slice(0, 2)).toEqual(['/review FILE', '/release']);
  expect(active()).toBe('/review FILE');
  await user.keyboard('{ArrowDown}');
  expect(active()).toBe('/release');
  await user.keyboard('{ArrowUp}{Tab}');
  expect([box().value, document.activeElement === box()]).toEqual(['/review ', true]);
  await user.keyboard('a.py');
  expect(screen.queryByRole('listbox')).toBeNull();
});

test('a skill is written as words for the model, one that it does not know with its path', async () => {
  const user = await typed('/pdf');
  await user.keyboard('{Enter}');
  expect(box().value).toBe('Use the skill pdf: ');
  await user.clear(box());
  await user.type(box(), '/quiet');
  await bench.pass();
  await user.keyboard('{Enter}');
  expect(box().value).toBe('Use the skill quiet (/skills/quiet/SKILL.md): ');
});

test('an action is done at once, and nothing of it stays in the message', async () => {
  const user = await typed('/new-s');
  await user.keyboard('{Enter}');
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toHaveLength(1);
  expect(bench.page.state.drafts.sid1).toBe('');
});

test('Escape closes the list until another word begins, and keeps the message', async () => {
  const user = await typed('/re');
  await user.keyboard('{Escape}');
  expect([screen.queryByRole('listbox'), box().value]).toEqual([null, '/re']);
  await user.keyboard('v');
  expect(screen.queryByRole('listbox')).toBeNull();
  await user.keyboard(' @');
  await bench.pass();
  expect(screen.getByRole('listbox', { name: 'Files' })).toBeTruthy();
});

test('what is no command is sent as text only after a person has said so', async () => {
  const user = await typed('/reviw a.py');
  await user.click(screen.getByRole('button', { name: 'Send' }));
  await bench.pass();
  expect(bench.gateway.posted(/turns$/)).toEqual([]);
  expect(screen.getByRole('alert').textContent).toContain('There is no command /reviw.');
  await user.click(screen.getByRole('button', { name: 'Send as text' }));
  await bench.pass();
  // A slash behind a space is text for the daemon.
  expect(bench.gateway.posted(/turns$/)).toEqual([{ text: ' /reviw a.py' }]);
  expect([box().value, screen.queryByRole('alert')]).toEqual(['', null]);
});

test.each(['/review a.py', '/etc/hosts is empty', ' /x'])('%s is sent as it is', async (text) => {
  const user = await typed(text);
  await user.click(screen.getByRole('button', { name: 'Send' }));
  await bench.pass();
  expect(bench.gateway.posted(/turns$/)).toEqual([{ text }]);
});

test('the word of an action that is sent is offered as that action', async () => {
  const user = await typed('/new-session now');
  await user.click(screen.getByRole('button', { name: 'Send' }));
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('/new-session is an action of this page: Start a new session.');
  await user.click(screen.getByRole('button', { name: 'Do it' }));
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toHaveLength(1);
});

test('paths are completed at the caret, as the daemon reads them', async () => {
  const user = await typed('Look at @');
  expect(words()).toEqual(['src/', 'my notes.txt', 'src/app.py']);
  await user.keyboard('{ArrowDown}{Enter}');
  expect(box().value).toBe('Look at @"my notes.txt" ');
  await user.keyboard('and @sr');
  await bench.pass();
  await user.keyboard('{Enter}');
  // Within a folder its files are completed next.
  expect(box().value).toBe('Look at @"my notes.txt" and @src/');
  await bench.pass();
  expect(screen.getByRole('listbox', { name: 'Files' })).toBeTruthy();
});

test('where nothing can be listed, the list says why', async () => {
  bench.gateway.refusals['GET /v3/files'] = [404, 'not_found', 'The files of /work cannot be listed: it is gone.'];
  await typed('@x');
  expect(screen.getByText('The files cannot be listed: The files of /work cannot be listed: it is gone.')).toBeTruthy();
});
