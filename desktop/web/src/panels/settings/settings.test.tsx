// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { actions } from '../../actions/registry';
import { showSettings } from '../../actions/settings';
import { parseRoute, SETTINGS_SECTIONS } from '../../routes';
import { testBench } from '../../testing/page';
import { FILE, openSection, region, sent, settingChange, settingInfo } from '../../testing/settings';

const bench = testBench();

test('each section has an address, and going back closes the settings over the same session', async () => {
  bench.gateway.addSession({ title: 'one' });
  const user = await openSection(bench, 'appearance');
  expect(bench.went.at(-1)).toEqual({ view: 'session', sid: 'sid1', settings: 'appearance' });
  await user.click(within(screen.getByRole('navigation', { name: 'Sections of the settings' })).getByRole('button', { name: 'Keys' }));
  await bench.pass();
  expect(bench.went.at(-1)).toEqual({ view: 'session', sid: 'sid1', settings: 'accounts' });
  expect(region('Keys of providers').getByText('No key is stored.')).toBeTruthy();
  const { transcript } = bench.page.state;
  await bench.act(() => bench.page.show(parseRoute('#/s/sid1')));
  await bench.pass();
  expect([screen.queryByRole('dialog'), bench.page.state.transcript === transcript]).toEqual([null, true]);
});

test('an address of a section is shown at once, and the newest session is opened below it', async () => {
  bench.gateway.addSession({ title: 'one' });
  await bench.start('#/settings/lmx');
  await bench.pass();
  expect(bench.page.state.route).toEqual({ view: 'session', sid: 'sid1', settings: 'lmx' });
  await perform(bench.page, showSettings, undefined);
  expect(bench.page.state.route).toEqual({ view: 'session', sid: 'sid1' });
});

test('every section is an action that the palette finds', () => {
  expect(actions.filter(({ id }) => id.startsWith('settings.section.')).map(({ id }) => id.split('.').at(-1))).toEqual([...SETTINGS_SECTIONS]);
});

test('a change says the file, the key, the values before and after, and from when on it holds', async () => {
  const known = settingInfo('max-steps', '200', { applies: 'restart', services: ['agent'] });
  const user = await openSection(bench, 'values', { 'GET /v3/config': { file: FILE, settings: [known] }, 'PUT /v3/config': settingChange('max-steps', '200', '50', { applies: 'restart', services: ['agent'] }) });
  const field = screen.getByRole<HTMLInputElement>('textbox', { name: 'max-steps' });
  await user.clear(field);
  await user.type(field, '50{Enter}');
  await bench.pass();
  expect(sent(bench, 'PUT')).toEqual([['/v3/config', { key: 'max-steps', value: '50' }]]);
  const said = screen.getAllByRole('status').map((each) => each.textContent).join();
  expect(said).toContain(`max-steps in ${FILE}: 200 → 50`);
  expect(said).toContain('after a restart of agent');
});

test('what the daemon refuses is said in the settings themselves, and nothing is said to be changed', async () => {
  bench.gateway.refusals['PUT /v3/config'] = [400, 'bad_request', 'max-steps is 0; a turn needs at least 1 step.'];
  const user = await openSection(bench, 'values', { 'GET /v3/config': { file: FILE, settings: [settingInfo('max-steps', '200')] }, 'PUT /v3/config': {} });
  const field = screen.getByRole('textbox', { name: 'max-steps' });
  await user.clear(field);
  await user.type(field, '0{Enter}');
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('a turn needs at least 1 step');
  expect(bench.page.state.settingChange).toBeNull();
});

test('a value that a variable decides cannot be set, and one that is set gets its default again', async () => {
  const settings = [settingInfo('lmx.host', 'studio', { origin: 'OPTA_LMX_HOST' }), settingInfo('notify.min-s', '30.0', { origin: FILE }), settingInfo('web.enabled', 'true')];
  const user = await openSection(bench, 'values', { 'GET /v3/config': { file: FILE, settings }, 'DELETE /v3/config': settingChange('notify.min-s', '30.0', '10.0') });
  expect(screen.getByRole<HTMLInputElement>('textbox', { name: 'lmx.host' }).disabled).toBe(true);
  expect(screen.getByText(/^Decided by the variable OPTA_LMX_HOST/)).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Use the default of notify.min-s' }));
  await bench.pass();
  expect(sent(bench, 'DELETE').map(([path]) => path)).toEqual(['/v3/config']);
  await user.type(screen.getByRole('searchbox', { name: 'Find a key' }), 'web');
  await bench.pass();
  expect(screen.queryByRole('textbox', { name: 'lmx.host' })).toBeNull();
  expect(screen.getByRole('checkbox', { name: 'web.enabled' })).toBeTruthy();
});

test('how the page shows things is kept in this browser', async () => {
  const user = await openSection(bench, 'appearance');
  await user.click(screen.getByRole('checkbox', { name: /^Enter sends a message/ }));
  await user.click(screen.getByRole('checkbox', { name: 'Wrap long lines of output' }));
  await user.click(screen.getByRole('checkbox', { name: /^Follow what is new/ }));
  await user.click(screen.getByRole('combobox', { name: 'Density' }));
  await user.click(await screen.findByRole('option', { name: 'Compact' }));
  await bench.pass();
  expect(bench.stored.choices).toEqual({ sends: 'enter', wrap: 'off', autoscroll: 'off', density: 'compact' });
});

test('the language of the page is said, with dates and numbers as the browser has them', async () => {
  await openSection(bench, 'language');
  expect(region('Language').getByText(/^Dates and numbers/).textContent).toContain('2026');
});

test('a key is masked while it is typed, goes to the vault, and is in the page no longer', async () => {
  const account = { name: 'anthropic', shown: '…abcd', kept: 'keychain', since: '2026-11-01T00:00:00Z' };
  const user = await openSection(bench, 'accounts', {
    'GET /v3/accounts': { accounts: [account] },
    'PUT /v3/accounts/openai': settingChange('openai', '', '…cret', { file: 'the keychain of this machine' }),
  });
  const accounts = region('Keys of providers');
  expect(accounts.getByRole('listitem').textContent).toContain('…abcd');
  await user.type(accounts.getByRole('textbox', { name: 'Name of the account' }), 'openai');
  const key = accounts.getByLabelText<HTMLInputElement>('Key');
  expect(key.type).toBe('password');
  await user.type(key, 'sk-secret{Enter}');
  await bench.pass();
  expect(sent(bench, 'PUT')).toEqual([['/v3/accounts/openai', { key: 'sk-secret' }]]);
  expect([key.value, document.body.innerHTML.includes('sk-secret')]).toEqual(['', false]);
  expect(screen.getByText('the keychain of this machine')).toBeTruthy();
});

test('a key is removed after a second word only', async () => {
  const account = { name: 'anthropic', shown: '…abcd', kept: 'keychain', since: '2026-11-01T00:00:00Z' };
  const user = await openSection(bench, 'accounts', { 'GET /v3/accounts': { accounts: [account] }, 'DELETE /v3/accounts/anthropic': settingChange('anthropic', '…abcd', '') });
  const accounts = region('Keys of providers');
  await user.click(accounts.getByRole('button', { name: 'Remove the key of anthropic' }));
  expect(document.activeElement).toBe(accounts.getByRole('button', { name: 'Keep it' }));
  await user.click(accounts.getByRole('button', { name: 'Keep it' }));
  expect(sent(bench, 'DELETE')).toEqual([]);
  await user.click(accounts.getByRole('button', { name: 'Remove the key of anthropic' }));
  await user.click(accounts.getByRole('button', { name: /^Remove it/ }));
  await bench.pass();
  expect(sent(bench, 'DELETE').map(([path]) => path)).toEqual(['/v3/accounts/anthropic']);
});
