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
  for (const words of ['apache-2.0', '4.0 GB in 5 files', '10 GB now, 6.0 GB afterwards', 'more than 4.0 GB when loaded; LMX may use 14 GB']) expect(facts.textContent).toContain(words);
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
