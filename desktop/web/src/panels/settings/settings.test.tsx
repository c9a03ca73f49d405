// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { showSettings } from '../../actions/settings';
import { testBench } from '../../testing/page';
import { SettingsSheet } from './settings_sheet';

const bench = testBench();
const section = (name: string) => within(screen.getByRole('region', { name }));
const asked = (method: string) => bench.gateway.requests.filter((request) => request.method === method).map(({ path, body }) => [path, body]);

async function shown() {
  bench.gateway.answers['GET /v3/grants'] = { grants: [{ id: 'g1', tool: 'run_command', cwd: '/work', label: 'npm', words: 'npm test \u202Egpj' }] };
  bench.gateway.answers['GET /v3/accounts'] = { accounts: [{ name: 'anthropic', shown: '…abcd', kept: 'keychain', since: '2026-11-01T00:00:00Z' }] };
  bench.gateway.answers['GET /v3/providers'] = {
    providers: [
      { name: 'lmx', type: 'lmx', baseUrl: 'http://127.0.0.1:1234', state: 'active', healthy: true },
      { name: 'box', type: 'openai', baseUrl: 'http://127.0.0.1:8080/v1', state: 'standby', healthy: false, reason: 'connection refused' },
    ],
  };
  const user = bench.draw(<SettingsSheet />);
  await bench.start();
  await perform(bench.page, showSettings, undefined);
  await bench.pass();
  return user;
}

test('what is always allowed is shown with nothing hidden, and revoked', async () => {
  const user = await shown();
  const grants = section('What is always allowed');
  expect(grants.getByRole('listitem').textContent).toContain('npm test \\u202egpj');
  bench.gateway.answers['DELETE /v3/grants/g1'] = { ok: true };
  bench.gateway.answers['GET /v3/grants'] = { grants: [] };
  await user.click(grants.getByRole('button', { name: /^Revoke: npm test/ }));
  await bench.pass();
  expect(asked('DELETE').map(([path]) => path)).toEqual(['/v3/grants/g1']);
  expect(grants.getByText(/^Nothing is always allowed/)).toBeTruthy();
});

test('a key is masked while it is typed, goes to the vault, and is in the page no longer', async () => {
  const user = await shown();
  const accounts = section('Keys of providers');
  expect(accounts.getByRole('listitem').textContent).toContain('…abcd');
  bench.gateway.answers['PUT /v3/accounts/openai'] = { ok: true };
  await user.type(accounts.getByRole('textbox', { name: 'Name of the account' }), 'openai');
  const key = accounts.getByLabelText<HTMLInputElement>('Key');
  expect(key.type).toBe('password');
  await user.type(key, 'sk-secret{Enter}');
  await bench.pass();
  expect(asked('PUT')).toEqual([['/v3/accounts/openai', { key: 'sk-secret' }]]);
  expect([key.value, document.body.innerHTML.includes('sk-secret')]).toEqual(['', false]);
});

test('a key is removed after a second word only', async () => {
  const user = await shown();
  const accounts = section('Keys of providers');
  await user.click(accounts.getByRole('button', { name: 'Remove the key of anthropic' }));
  expect(document.activeElement).toBe(accounts.getByRole('button', { name: 'Keep it' }));
  await user.click(accounts.getByRole('button', { name: 'Keep it' }));
  expect(asked('DELETE')).toEqual([]);
  bench.gateway.answers['DELETE /v3/accounts/anthropic'] = { ok: true };
  await user.click(accounts.getByRole('button', { name: 'Remove the key of anthropic' }));
  await user.click(accounts.getByRole('button', { name: /^Remove it/ }));
  await bench.pass();
  expect(asked('DELETE').map(([path]) => path)).toEqual(['/v3/accounts/anthropic']);
});

test('a server says whether it answers, and the one of Opta itself cannot be removed', async () => {
  await shown();
  const providers = section('Model servers');
  expect(providers.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
    'lmx http://127.0.0.1:1234 answers turns that name none · answers',
    'box http://127.0.0.1:8080/v1 stands by · does not answer: connection refusedRemove',
  ]);
});

test('how the page shows things is kept in this browser', async () => {
  const user = await shown();
  await user.click(screen.getByRole('checkbox', { name: /^Enter sends a message/ }));
  await user.click(screen.getByRole('checkbox', { name: 'Wrap long lines of output' }));
  expect(bench.stored.choices).toEqual({ sends: 'enter', wrap: 'off' });
});
