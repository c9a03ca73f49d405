// @vitest-environment jsdom
// The way to a first answer: what is offered, what each click does, and what is said about the self-test.

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { App } from '../../app';
import type { MachineModels } from '../../protocol';
import { testBench } from '../../testing/page';
import { bytesText } from '../../strings/formats';
import { Welcome } from './welcome';

const bench = testBench();
const PROBE = { id: 'lmx/probe', provider: 'lmx', name: 'probe', healthy: true, capability: 'probe', default: true };
const FOUND: MachineModels = {
  models: [
    { id: 'probe', path: '/p', origin: 'built-in', format: 'mlx', runnable: true, capability: 'probe' },
    { id: 'qwen-4b', path: '/q', origin: 'LM Studio', format: 'mlx', runnable: true },
    { id: 'huge', path: '/h', origin: 'Hugging Face cache', format: 'mlx', runnable: true },
    { id: 'llama.gguf', path: '/l', origin: 'Ollama', format: 'gguf', runnable: false, problem: 'a GGUF file has to be imported' },
  ],
  here: [
    { id: 'qwen-4b', bytes: 2.3e9, cache_bytes: 1e9, needed: 3.6e9, tokens: 32_768, fits: true },
    { id: 'huge', bytes: 99e9, cache_bytes: 1e9, needed: 100e9, tokens: 32_768, fits: false },
  ],
  offers: [{ id: 'mlx-community/Qwen3-8B-4bit', bytes: 4.62e9, cache_bytes: 1e9, needed: 6.1e9, tokens: 32_768, fits: true, licence: 'apache-2.0', words: 'tools, thinking' }],
  available: 14e9,
  tokens: 32_768,
};

async function open(found: MachineModels = FOUND) {
  bench.gateway.models = [PROBE];
  bench.gateway.answers['GET /v3/models/found'] = found;
  bench.gateway.answers['GET /v3/providers/discover'] = { servers: [] };
  const user = bench.draw(<Welcome />);
  await bench.start();
  return user;
}

const part = (name: string) => within(screen.getByRole('region', { name }));

test('the self-test is said to be none of the models to work with', async () => {
  await open();
  expect(screen.getByText(/a self-test that comes with Opta/)).toBeTruthy();
  expect(part('Models on this disk').queryByText('probe')).toBeNull();
});

test('a model on the disk is loaded and answers from then on, with one click', async () => {
  const user = await open();
  const row = part('Models on this disk').getByText('qwen-4b').closest('li') as HTMLElement;
  expect(row.textContent).toContain('LM Studio · needs 3.6 GB');
  bench.gateway.models = [{ ...PROBE, default: false }, { ...PROBE, id: 'lmx/qwen-4b', name: 'qwen-4b', capability: 'chat' }];
  await user.click(within(row).getByRole('button', { name: 'Use it' }));
  await bench.pass();
  const asked = bench.gateway.requests.filter(({ method }) => method !== 'GET').map(({ path, body }) => [path, body]);
  expect(asked).toEqual([
    ['/v3/lmx/models/load', { model: 'qwen-4b' }],
    ['/v3/models/default', { model: 'lmx/qwen-4b' }],
  ]);
  expect(screen.getByText('qwen-4b answers.')).toBeTruthy();
});

test('a model that cannot be loaded leaves the default as it was', async () => {
  const user = await open();
  bench.gateway.refusals['POST /v3/lmx/models/load'] = [503, 'unavailable', 'There is not enough memory.'];
  await user.click(part('Models on this disk').getByRole('button', { name: 'Use it' }));
  await bench.pass(5_000);
  expect(bench.page.state.problem).toBe('There is not enough memory.');
  expect(bench.gateway.requests.some(({ path }) => path === '/v3/models/default')).toBe(false);
});

test('what does not fit or cannot be used is named with the reason, and has no button', async () => {
  await open();
  const huge = part('Models on this disk').getByText('huge').closest('li') as HTMLElement;
  expect(huge.textContent).toContain('too much for this machine');
  expect(within(huge).queryByRole('button')).toBeNull();
  expect(screen.getByText('1 more that cannot be used as it is')).toBeTruthy();
  expect(screen.getByText('Ollama · a GGUF file has to be imported')).toBeTruthy();
});

test('a model is fetched in the revision that the hub named, with its progress, and can be used when it is here', async () => {
  const user = await open();
  bench.gateway.answers['POST /v3/lmx/models/available'] = { repo: 'mlx-community/Qwen3-8B-4bit', revision: 'abc', bytes: 4.62e9, files: 8 };
  const pull = { name: 'Qwen3-8B-4bit', repo: 'mlx-community/Qwen3-8B-4bit', state: 'pulling', done: 1.1e9, total: 4.6e9 };
  bench.gateway.answers['GET /v3/lmx/models'] = { models: [], pulls: [pull] };
  await user.click(part('Models to fetch').getByRole('button', { name: /Fetch · 4.6 GB/ }));
  await bench.pass();
  expect(bench.gateway.posted(/pull$/)).toEqual([{ repo: 'mlx-community/Qwen3-8B-4bit', revision: 'abc' }]);
  expect(part('Models to fetch').getByText('1.1 GB of 4.6 GB')).toBeTruthy();
  bench.gateway.answers['GET /v3/lmx/models'] = { models: [], pulls: [{ ...pull, state: 'failed', message: 'The disk is full.' }] };
  await bench.pass(1_500);
  expect(screen.getByRole('alert').textContent).toContain('The disk is full.');
  expect(part('Models to fetch').getByRole('button', { name: /Fetch/ })).toBeTruthy();
  bench.gateway.answers['GET /v3/lmx/models'] = { models: [], pulls: [{ ...pull, state: 'done' }] };
  await user.click(part('Models to fetch').getByRole('button', { name: /Fetch/ }));
  await bench.pass(1_500);
  await user.click(part('Models to fetch').getByRole('button', { name: 'Use it' }));
  await bench.pass();
  expect(bench.gateway.posted(/load$/)).toEqual([{ model: 'Qwen3-8B-4bit' }]);
});

test('an LMX on another machine has its models among those that are set up', async () => {
  bench.gateway.models = [PROBE];
  await open({ isRemote: true, host: 'desk:1234' });
  bench.gateway.models = [PROBE, { ...PROBE, id: 'lmx/large', name: 'large', capability: 'chat', default: false }];
  bench.page.refreshModels();
  await bench.pass();
  expect(screen.getByText(/LMX runs on desk:1234/)).toBeTruthy();
  expect(part('Already set up').getByText('large')).toBeTruthy();
});

test('a question can be asked when there is a model and a folder, and then runs in that folder', async () => {
  bench.stored.remembered = null;
  bench.page = bench.newPage();
  bench.gateway.answers['GET /v3/folders/suggested'] = { home: '/home/ada', folders: [{ name: 'api', path: '/home/ada/code/api', isRepository: true }] };
  const user = await open();
  const question = () => screen.getByRole<HTMLButtonElement>('button', { name: /What is in this folder/ });
  expect(question().disabled).toBe(true);
  await user.click(screen.getByRole('button', { name: '~/code/api' }));
  expect(question().disabled).toBe(true);
  bench.gateway.models = [{ ...PROBE, id: 'near/qwen', provider: 'near', name: 'qwen', capability: 'chat' }];
  bench.page.refreshModels();
  await bench.pass();
  await user.click(question());
  await bench.pass();
  expect(bench.gateway.posted(/sessions$/)).toEqual([{ mode: 'do', cwd: '/home/ada/code/api' }]);
  expect(bench.gateway.posted(/turns$/)[0]?.text).toContain('What is in this folder');
});

test('an empty session says where and how it would work', async () => {
  bench.gateway.addSession({ cwd: '/projects/api', mode: 'do', level: 'L2', title: 'api' });
  bench.draw(<Welcome />);
  await bench.start();
  expect(screen.getByText(/\/projects\/api · lmx\/probe · L2/).textContent).toBe('api · /projects/api · lmx/probe · L2 · safe actions run');
});

test('a session that has begun shows neither', async () => {
  bench.gateway.addSession({ turns: 1 });
  bench.gateway.append('sid1', { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  bench.draw(<App />);
  await bench.start();
  expect(screen.queryByText('A new session')).toBeNull();
});

test.each([
  [0, '0 B'],
  [950, '950 B'],
  [340_000_000, '340 MB'],
  [4_620_000_000, '4.6 GB'],
  [17_200_000_000, '17 GB'],
])('%d bytes are written as %s', (bytes, text) => expect(bytesText(bytes)).toBe(text));
