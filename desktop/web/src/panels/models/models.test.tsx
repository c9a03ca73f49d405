// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { showModels } from '../../actions/models';
import type { LmxModels } from '../../protocol';
import { serviceRow, testBench } from '../../testing/page';
import { ModelsSheet } from './models_sheet';

const bench = testBench();
const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
const MODELS: LmxModels = {
  models: [
    { id: 'idle', state: 'on disk', needed: 2e9, licence: 'mit' },
    { id: 'busy', state: 'loaded', memory: 3e9, context_length: 32_768, running: 2, pinned: true },
    { id: 'broken', state: 'failed', problem: 'Its weights are cut off.' },
  ],
  memory: { used: 3e9, limit: 14e9, level: 'warn' },
  pulls: [],
};
const asked = () => bench.gateway.requests.filter(({ method }) => method !== 'GET').map(({ path, body }) => [path, body]);

async function shown(models: LmxModels = MODELS) {
  bench.gateway.answers['GET /v3/lmx/models'] = models;
  bench.services = [serviceRow('lmx', 'stopped', 0)];
  const user = bench.draw(<ModelsSheet />);
  await bench.start();
  await perform(bench.page, showModels, undefined);
  await bench.pass();
  return user;
}

test('each model says how it is and has only what can be done with it, those in memory first', async () => {
  const user = await shown();
  const rows = within(screen.getByRole('region', { name: 'In LMX' })).getAllByRole('listitem');
  expect(rows.map((row) => row.querySelector('b')?.textContent)).toEqual(['busy', 'broken', 'idle']);
  expect(rows[0]?.textContent).toContain('loaded · pinned · 3.0 GB in memory · 32,768 tokens of context · 2 requests run');
  expect(rows[1]?.textContent).toContain('Its weights are cut off.');
  expect(screen.getByText('memory is getting short')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Pin busy: keep it in memory until it is unloaded' })).toBeNull();
  await user.click(button('Pin idle: keep it in memory until it is unloaded'));
  await bench.pass();
  expect(asked()).toEqual([['/v3/lmx/models/load', { model: 'idle', pin: true }]]);
});

test('a model that answers somebody is unloaded only after an answer that says what ends', async () => {
  const user = await shown();
  await user.click(button('Unload busy'));
  expect(screen.getByRole('alertdialog').textContent).toContain('2 requests that it is answering end with an error');
  expect(document.activeElement).toBe(button('Keep it'));
  await user.click(within(screen.getByRole('alertdialog')).getByRole('button', { name: 'Unload' }));
  await bench.pass();
  expect(asked()).toEqual([['/v3/lmx/models/unload', { model: 'busy' }]]);
});

test('an LMX that does not answer says why, shows no old models, and can be started', async () => {
  const user = await shown();
  bench.gateway.refusals['GET /v3/lmx/models'] = [503, 'unavailable', 'nothing listens on port 1234'];
  await bench.pass(3_000);
  expect(screen.getByRole('alert').textContent).toContain('nothing listens on port 1234');
  expect(screen.queryByText('busy')).toBeNull();
  await user.click(button('Start LMX'));
  await bench.pass();
  expect(bench.controlled).toEqual([['lmx', 'start']]);
});

test('licence, size, disk and memory are shown before the shown revision is fetched', async () => {
  const user = await shown();
  bench.gateway.answers['POST /v3/lmx/models/available'] = { repo: 'org/new', revision: 'c0ffee', bytes: 4e9, files: 5, licence: 'apache-2.0', free: 10e9 };
  await user.type(screen.getByRole('textbox'), 'org/new');
  await user.click(button('Search'));
  await bench.pass();
  const facts = screen.getByRole('region', { name: 'Fetch org/new?' });
  for (const words of ['apache-2.0', '4.0 GB in 5 files', '10 GB now, 6.0 GB afterwards', 'more than 4.0 GB when loaded; models may take 14 GB']) expect(facts.textContent).toContain(words);
  await user.click(button('Fetch 4.0 GB'));
  await bench.pass();
  expect(asked().at(-1)).toEqual(['/v3/lmx/models/pull', { repo: 'org/new', revision: 'c0ffee' }]);
  expect(screen.queryByRole('region', { name: 'Fetch org/new?' })).toBeNull();
});

test('what the disk cannot hold cannot be fetched', async () => {
  const user = await shown();
  bench.gateway.answers['POST /v3/lmx/models/available'] = { repo: 'org/new', revision: 'c0ffee', bytes: 40e9, files: 5, free: 10e9 };
  await user.type(screen.getByRole('textbox'), 'org/new{Enter}');
  await bench.pass();
  expect(screen.getByText('10 GB, which is too little')).toBeTruthy();
  expect(screen.getByText('not stated by the hub')).toBeTruthy();
  expect(button('Fetch 40 GB').disabled).toBe(true);
});

test('a hub that is silent is named, and one that finds models says which cannot run', async () => {
  const user = await shown();
  bench.gateway.answers['GET /v3/models/search'] = { endpoint: 'hub', models: [{ repo: 'org/a', bytes: 1e9, licence: 'mit' }, { repo: 'org/b', problem: 'whisper cannot run' }] };
  await user.type(screen.getByRole('textbox'), 'some words{Enter}');
  await bench.pass();
  expect(button('Look at the size and licence of org/a')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Look at the size and licence of org/b' })).toBeNull();
  bench.gateway.answers['GET /v3/models/search'] = { endpoint: 'hub', problem: 'no network' };
  await user.type(screen.getByRole('textbox'), ' more{Enter}');
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toBe('The hub was not searched: no network');
});

test('a download is paused and goes on under its name', async () => {
  const pull = { name: 'new', repo: 'org/new', revision: 'c0ffee', done: 1e9, total: 4e9 };
  const user = await shown({ ...MODELS, pulls: [{ ...pull, state: 'pulling' }] });
  expect(screen.getByRole<HTMLProgressElement>('progressbar', { name: 'Download of new' }).value).toBe(1e9);
  await user.click(button('Pause the download of new'));
  bench.gateway.answers['GET /v3/lmx/models'] = { ...MODELS, pulls: [{ ...pull, state: 'paused' }] };
  await bench.pass(1_500);
  await user.click(button('Go on with the download of new'));
  await bench.pass();
  expect(asked()).toEqual([
    ['/v3/lmx/models/pull/pause', { name: 'new' }],
    ['/v3/lmx/models/pull', { repo: 'org/new', revision: 'c0ffee', name: 'new' }],
  ]);
});

test('a load shows how much of the weights is in memory, or for how long its engine has been starting', async () => {
  await shown({ ...MODELS, models: [{ id: 'big', state: 'loading', load_done: 1e9, load_total: 4e9, loading_s: 12 }, { id: 'new', state: 'loading', loading_s: 3 }] });
  expect(screen.getByRole<HTMLProgressElement>('progressbar', { name: 'Loading big' }).value).toBe(1e9);
  expect(screen.getByText('1.0 GB of 4.0 GB in memory, 12 s')).toBeTruthy();
  expect(screen.getByRole('progressbar', { name: 'Loading new' }).hasAttribute('value')).toBe(false);
  expect(screen.getByText('starting its engine, 3 s')).toBeTruthy();
});

test('the speed is what LMX measured, and a model that has answered nothing has none', async () => {
  await shown({ ...MODELS, models: [{ id: 'quick', state: 'loaded', speed: { requests: 5, tokens_per_s: 31.24, now_tokens_per_s: 28 } }, { id: 'new', state: 'loaded' }] });
  const [quick, fresh] = within(screen.getByRole('region', { name: 'In LMX' })).getAllByRole('listitem');
  expect(quick?.textContent).toContain('28.0 tok/s now · 31.2 tok/s in the last 5 answers');
  expect(fresh?.textContent).not.toContain('tok/s');
});

test('one figure says what models may take, in the list, before a download and in a recommendation', async () => {
  bench.gateway.answers['GET /v3/models/found'] = { models: [], available: 14e9, tokens: 32_768, offers: [{ id: 'org/fits', bytes: 4e9 }] };
  const memory = { used: 3.4e9, limit: 19e9, level: 'ok' as const, models: 14e9, committed: 3e9, prefixes: 2.8e9, total: 25e9 };
  const user = await shown({ ...MODELS, memory });
  expect(screen.getByText(/loaded models take 3.0 GB of 14 GB/)).toBeTruthy();
  expect(screen.getByText(/14 GB of memory for models/)).toBeTruthy();
  expect(screen.getByText(/LMX may use 19 GB of the 25 GB of its machine: 14 GB for models, 2.8 GB for prompts that are kept for reuse, and 2.2 GB that stays free/)).toBeTruthy();
  bench.gateway.answers['POST /v3/lmx/models/available'] = { repo: 'org/new', revision: 'c0ffee', bytes: 15e9, files: 5 };
  await user.type(screen.getByRole('textbox'), 'org/new{Enter}');
  await bench.pass();
  expect(screen.getByText('more than 15 GB when loaded, and models may take 14 GB: it cannot be loaded here')).toBeTruthy();
});

test('a measurement is started, followed, stopped, and drawn when it has ended', async () => {
  const user = await shown();
  const running = { model: 'busy', at: '2024-01-01T00:00:00Z', state: 'running', planned: [512, 2048, 8192], points: [{ wanted: 512, tokens: 520 }], isLoaded: true };
  bench.gateway.answers['GET /v3/lmx/bench'] = { running, results: [] };
  await user.click(button('Measure the speed of busy'));
  await bench.pass();
  expect(screen.getByRole<HTMLProgressElement>('progressbar', { name: 'Measurement of busy' }).value).toBe(1);
  await user.click(button('Stop the measurement of busy'));
  const points = [
    { wanted: 512, tokens: 520, promptPerS: 1_024, tokensPerS: 31.2, firstTokenS: 0.51, answerTokens: 64 },
    { wanted: 2048, tokens: 2_060, promptPerS: 900, firstTokenS: 2.3, answerTokens: 3, problem: 'its answer had 3 tokens, too few for a speed' },
  ];
  bench.gateway.answers['GET /v3/lmx/bench'] = { running: null, results: [{ ...running, state: 'stopped', points, elapsedS: 9.5 }, { ...running, state: 'done', points }] };
  await bench.pass(1_500);
  const result = screen.getByRole('article', { name: 'Speed of busy' });
  expect(within(result).getByText('stopped')).toBeTruthy();
  expect(within(result).getByRole('img', { name: 'Reading a prompt: 1,024 tok/s at 520 tokens, 900 tok/s at 2,060 tokens' })).toBeTruthy();
  expect(within(result).getByRole('img', { name: 'Writing an answer: 31.2 tok/s at 520 tokens' })).toBeTruthy();
  expect(result.textContent).toContain('2,048 tokens: its answer had 3 tokens, too few for a speed');
  expect(asked()).toEqual([
    ['/v3/lmx/bench', { model: 'busy' }],
    ['/v3/lmx/bench/stop', {}],
  ]);
});
