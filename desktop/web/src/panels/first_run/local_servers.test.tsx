// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { DiscoveredServer } from '../../protocol';
import { testBench } from '../../testing/page';
import { Welcome } from './welcome';

const bench = testBench();
const OLLAMA: DiscoveredServer = { name: 'ollama', label: 'Ollama', type: 'openai', baseUrl: 'http://127.0.0.1:11434/v1', models: ['qwen3:8b', 'llama3'], model: 'qwen3:8b' };
const EMPTY: DiscoveredServer = { name: 'lmstudio', label: 'LM Studio', type: 'openai', baseUrl: 'http://127.0.0.1:1234/v1', models: [] };
const PROBE = { id: 'lmx/probe', provider: 'lmx', name: 'probe', healthy: true, capability: 'probe', default: true };
const DISCOVER = 'GET /v3/providers/discover';

async function open(servers: DiscoveredServer[]) {
  bench.gateway.models = [PROBE];
  bench.gateway.answers[DISCOVER] = { servers };
  const user = bench.draw(<Welcome />);
  await bench.start();
  return user;
}

const added = () => bench.gateway.posted(/^\/v3\/providers$/);
const button = (name: string) => screen.getByRole('button', { name });

test('a server that was found is not used before its button is pressed', async () => {
  const user = await open([OLLAMA]);
  expect(screen.getByText('127.0.0.1:11434')).toBeTruthy();
  expect(added()).toEqual([]);
  await user.click(screen.getByRole('combobox', { name: 'Model of Ollama' }));
  await bench.pass();
  await user.click(screen.getByRole('option', { name: /llama3/ }));
  await bench.pass();
  bench.gateway.answers[DISCOVER] = { servers: [{ ...OLLAMA, configured: 'ollama' }] };
  bench.gateway.answers['POST /v3/providers'] = { name: 'ollama', baseUrl: OLLAMA.baseUrl, models: OLLAMA.models };
  await user.click(button('Use it'));
  await bench.pass();
  expect(added()).toEqual([{ name: 'ollama', type: 'openai', baseUrl: OLLAMA.baseUrl, model: 'llama3', makeDefault: true }]);
  expect(screen.getByText(/added as ollama/)).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Use it' })).toBeNull();
});

test('a server without a model is named and cannot be used', async () => {
  await open([EMPTY]);
  const row = within(screen.getByRole('region', { name: 'Model servers on this machine' })).getByRole('listitem');
  expect(row.textContent).toContain('has no model yet');
  expect(within(row).queryByRole('button')).toBeNull();
});

test('where no server runs, the page says so and can look again', async () => {
  const user = await open([]);
  expect(screen.getByText(/No model server is running/)).toBeTruthy();
  bench.gateway.answers[DISCOVER] = { servers: [OLLAMA] };
  await user.click(button('Look again'));
  await bench.pass();
  expect(screen.getByText('Ollama')).toBeTruthy();
});

test('a refusal is shown, and the server can be tried again', async () => {
  const user = await open([OLLAMA]);
  bench.gateway.refusals['POST /v3/providers'] = [409, 'conflict', 'There is a provider already.'];
  await user.click(button('Use it'));
  await bench.pass();
  expect(bench.page.state.problem).toBe('There is a provider already.');
  expect(button('Use it').hasAttribute('disabled')).toBe(false);
});

test('who has a model of their own is not asked', async () => {
  bench.gateway.addSession();
  await open([OLLAMA]);
  bench.gateway.models = [{ ...PROBE, id: 'lmx/qwen', capability: 'chat' }];
  bench.page.refreshModels();
  await bench.pass();
  expect(screen.queryByRole('region', { name: 'Model servers on this machine' })).toBeNull();
});
