// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { showPalette } from '../../actions/palette';
import { testBench } from '../../testing/page';
import { fits } from './fits';
import { Palette } from './palette';

const bench = testBench();
const field = () => screen.getByRole('combobox', { name: 'Search for actions and sessions' });
const options = () => screen.queryAllByRole('option').map((option) => option.textContent ?? '');
const group = (name: string) => within(screen.getByRole('group', { name })).getAllByRole('option');

async function shown() {
  bench.gateway.addSession({ title: 'Repair the parser' });
  bench.gateway.addSession({ title: 'Write the docs' });
  const user = bench.draw(<Palette />);
  await bench.start();
  await perform(bench.page, showPalette, undefined);
  await bench.pass();
  return user;
}

test('only what can be done now is listed, each with its key', async () => {
  await shown();
  const names = options().join('\n');
  expect(names).toContain('Start a new session');
  expect(names).toContain('Alt');
  expect(names).not.toContain('Stop the running turn');
});

test('words find actions in any order, and Enter does the first one once the window is closed', async () => {
  const user = await shown();
  await user.type(field(), 'keys show');
  await bench.pass();
  expect(options()[0]).toContain('Show all keys');
  await user.keyboard('{Enter}');
  await bench.pass();
  expect([bench.page.state.isPaletteShown, bench.page.state.areKeysShown]).toEqual([false, true]);
});

test('what was done from it stands first the next time, also after a reload', async () => {
  const user = await shown();
  await user.type(field(), 'daemon its processes');
  await bench.pass();
  await user.keyboard('{Enter}');
  await bench.pass();
  await perform(bench.page, showPalette, undefined);
  await bench.pass();
  expect(group('Recent')[0]?.textContent).toContain('Show the daemon');
  expect(bench.stored.remembered).toMatchObject({ recentActions: ['daemon.show'] });
});

test('a session is found by its title and opened', async () => {
  const user = await shown();
  await user.type(field(), 'parser');
  await bench.pass();
  await user.click(group('Sessions')[0] as HTMLElement);
  await bench.pass();
  expect(bench.page.state.selected).toBe('sid1');
});

test('a model of the open session is taken for it', async () => {
  const user = await shown();
  await user.type(field(), 'qwen');
  await bench.pass();
  await user.click(group('Models of this session')[0] as HTMLElement);
  await bench.pass();
  expect(bench.gateway.requests.find(({ method }) => method === 'PATCH')?.body).toEqual({ model: 'lmx/qwen' });
});

test('a text that nothing is called like can be searched in all sessions', async () => {
  const user = await shown();
  await user.type(field(), 'xyzzy');
  await bench.pass();
  await user.keyboard('{Enter}');
  await bench.pass();
  expect([bench.focused, bench.page.state.filter]).toEqual([['search'], 'xyzzy']);
});

test.each([
  ['', 'anything', true],
  ['DOCS write', 'Write the docs', true],
  ['ecole', 'École', true],
  ['docs code', 'Write the docs', false],
])('%j fits %j: %s', (text, name, does) => expect(fits(text, name)).toBe(does));
