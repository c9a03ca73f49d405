// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { FILE, openSection, region, sent, settingChange, settingInfo } from '../../testing/settings';

const bench = testBench();

const LMX = { name: 'lmx', type: 'lmx', baseUrl: 'http://127.0.0.1:1234', state: 'active', healthy: true };
const BOX = { name: 'box', type: 'openai', baseUrl: 'http://127.0.0.1:8080/v1', state: 'standby', healthy: false, reason: 'connection refused' };
const CLOUD = { name: 'cloud', type: 'anthropic', baseUrl: 'https://api.example/v1', state: 'configured', healthy: true };

const shown = (answers: Record<string, unknown> = {}) => openSection(bench, 'providers', { 'GET /v3/providers': { providers: [LMX, BOX, CLOUD] }, ...answers });
const row = (name: string) => within(region('Model servers').getByText(new RegExp(`^${name} `)).closest('li') as HTMLElement);

test('a server says whether it answers, and the one of Opta itself cannot be removed or moved', async () => {
  await shown();
  expect(row('box').getByText(/does not answer: connection refused/)).toBeTruthy();
  expect(row('lmx').queryAllByRole('button').map((button) => button.getAttribute('aria-label'))).toEqual(['Test lmx']);
});

test('the order in which turns fall back is changed by one, and its ends do not move further', async () => {
  const user = await shown({ 'PUT /v3/config': settingChange('provider-order', '[]', '["cloud","box"]') });
  expect(row('box').getByRole<HTMLButtonElement>('button', { name: 'Move box up' }).disabled).toBe(true);
  await user.click(row('box').getByRole('button', { name: 'Move box down' }));
  await bench.pass();
  expect(sent(bench, 'PUT')).toEqual([['/v3/config', { key: 'provider-order', value: 'cloud box' }]]);
});

test('a test shows what a real turn ended with, and one that was not sent is not called good', async () => {
  const user = await shown({
    'POST /v3/providers/test': { name: 'cloud', healthy: true, model: 'big', state: 'ok', answer: '2+2 = 4', tool: 'ok', firstTokenMs: 300, elapsedMs: 1200 },
  });
  await user.click(screen.getByRole('button', { name: 'Test cloud' }));
  await bench.pass();
  expect(row('cloud').getByRole('status').textContent).toContain('A turn with big ended in 1.2 s, its first word after 0.3 s. Answer: 2+2 = 4');
  bench.gateway.answers['POST /v3/providers/test'] = { name: 'box', healthy: false, state: 'skipped', reason: 'It does not answer (connection refused).' };
  await user.click(screen.getByRole('button', { name: 'Test box' }));
  await bench.pass();
  expect(row('box').getByRole('status').textContent).toBe('◆ No turn was sent: It does not answer (connection refused).');
  expect(sent(bench, 'POST')).toEqual([
    ['/v3/providers/test', { name: 'cloud' }],
    ['/v3/providers/test', { name: 'box' }],
  ]);
});

test('sampling is set by server; what is not set is not sent', async () => {
  const key = 'providers.box.options.temperature';
  const user = await shown({ 'GET /v3/config': { file: FILE, settings: [settingInfo(key, '0.2', { origin: FILE, applies: 'turn' })] }, 'PUT /v3/config': settingChange(key, '0.2', '0.7') });
  await user.click(row('box').getByText('Sampling and fallback of box'));
  await bench.pass();
  const field = screen.getByRole<HTMLInputElement>('textbox', { name: /^Temperature/ });
  expect([field.value, screen.getByRole<HTMLInputElement>('textbox', { name: 'Seed' }).value]).toEqual(['0.2', '']);
  await user.clear(field);
  await user.type(field, '0.7{Enter}');
  await bench.pass();
  expect(sent(bench, 'PUT')).toEqual([['/v3/config', { key, value: '0.7' }]]);
});

test('a server is added with its key, which is in no field afterwards, also when it was refused', async () => {
  const user = await shown();
  bench.gateway.refusals['POST /v3/providers'] = [409, 'conflict', "There is a provider 'mine' already."];
  const form = region('Add a model server');
  const type = async (label: RegExp, text: string) => user.type(form.getByLabelText(label), text);
  await type(/^Name/, 'mine');
  await type(/^Address/, 'http://127.0.0.1:9/v1');
  await type(/^Key/, 'sk-secret');
  expect(form.getByText(/^Writes \[providers\.mine\]/)).toBeTruthy();
  await user.click(form.getByRole('button', { name: 'Add the server' }));
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('There is a provider');
  expect(form.getByLabelText<HTMLInputElement>(/^Key/).value).toBe('');
  expect(sent(bench, 'POST')).toEqual([['/v3/providers', { name: 'mine', type: 'openai', baseUrl: 'http://127.0.0.1:9/v1', key: 'sk-secret' }]]);
});

test('servers of this machine are looked for and added by a person', async () => {
  const found = { name: 'ollama', label: 'Ollama', type: 'openai', baseUrl: 'http://127.0.0.1:11434/v1', models: ['qwen'], model: 'qwen', configured: '' };
  const user = await shown({
    'GET /v3/providers/discover': { servers: [found] },
    'POST /v3/providers': { name: 'ollama', baseUrl: found.baseUrl, models: ['qwen'], change: settingChange('providers.ollama', '', 'openai at x') },
  });
  await user.click(screen.getByRole('button', { name: 'Look for servers on this machine' }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: 'Add Ollama' }));
  await bench.pass();
  expect(sent(bench, 'POST')).toEqual([['/v3/providers', { name: 'ollama', type: 'openai', baseUrl: found.baseUrl, model: 'qwen' }]]);
  expect(screen.getByText(/openai at x/)).toBeTruthy();
});
