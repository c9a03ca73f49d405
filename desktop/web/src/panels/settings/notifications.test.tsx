// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { FILE, openSection, region, settingInfo } from '../../testing/settings';

const bench = testBench();

test('what the browser allows is said as it is, and the page keeps its notifications back when it is asked to', async () => {
  bench.mayNotify = false;
  const user = await openSection(bench, 'notifications');
  const ofPage = region('Notifications of this page');
  expect(ofPage.getByText(/^This browser refuses notifications/)).toBeTruthy();
  expect(ofPage.queryByRole('button')).toBeNull();
  await user.click(ofPage.getByRole('checkbox'));
  await bench.pass();
  expect(bench.stored.choices).toEqual({ notify: 'off' });
  const { id } = bench.gateway.addSession({ title: 'one' });
  bench.gateway.append(id, { event: 'turn.error', turn: 't1', message: 'x', code: 'broken', domain: 'tool', retryable: false, resumable: false });
  await bench.pass();
  expect(bench.notified).toEqual([]);
});

test('the command of the daemon is shown word by word', async () => {
  const settings = [settingInfo('notify.command', '["notify-send","{title}","a b"]'), settingInfo('notify.min-s', '10.0'), settingInfo('notify.bell', 'true', { applies: 'start' })];
  await openSection(bench, 'notifications', { 'GET /v3/config': { file: FILE, settings } });
  const command = region('Command of the daemon');
  expect(['notify-send', '{title}', 'a b'].map((word) => command.getByText(word).tagName)).toEqual(['CODE', 'CODE', 'CODE']);
  expect(command.getByRole('checkbox', { name: /^Ring the bell/ })).toBeTruthy();
});

test('hooks and skills are shown with the files in which they are edited, and with what cannot be used', async () => {
  await openSection(bench, 'extensions', {
    'GET /v3/hooks': { hooks: [{ name: 'guard', on: 'before-tool', command: ['guard', '{path}'], tools: ['write_file'], timeoutS: 30, isOpen: false, problem: "there is no program 'guard'" }], file: FILE, folder: '/home/ada/hooks' },
    'GET /v3/skills': { skills: [{ name: 'release', description: 'Makes a release.', origin: 'user', path: '/home/ada/skills/release/SKILL.md', isListed: true }], problems: ['x/SKILL.md has no name'], folder: '/home/ada/skills' },
  });
  const hooks = region('Hooks');
  expect(hooks.getByRole('listitem').textContent).toContain('before a tool call · for write_file · at most 30 s · a call is refused when it fails');
  expect(hooks.getByText("there is no program 'guard'")).toBeTruthy();
  expect(hooks.getByText(FILE)).toBeTruthy();
  const skills = region('Skills');
  expect(skills.getByText('/home/ada/skills/release/SKILL.md')).toBeTruthy();
  expect(skills.getByText('x/SKILL.md has no name')).toBeTruthy();
  expect(screen.getByText('Shown here, edited in files.')).toBeTruthy();
});
