// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { useTestBench } from '../../testing/page';
import { Telemetry } from './telemetry';

const bench = useTestBench();
const value = (name: string) => screen.getByText(name).nextElementSibling?.textContent;

test('figures that are not known are dashes, never zeros', () => {
  bench.draw(<Telemetry />);
  expect(['Tokens per second', 'Context', 'Uptime', 'Port', 'Requests'].map(value)).toEqual(['–', '–', '–', '–', '–']);
  expect(value('Status')).toBe('✕ Not answering');
});

test('figures come by themselves: an idle page sends no request', async () => {
  bench.gateway.addSession();
  bench.draw(<Telemetry />);
  await bench.start();
  const before = bench.gateway.requests.length;
  bench.gateway.metrics = { ...bench.gateway.metrics, tokensPerSec: 7 };
  await bench.pass(10_000);
  expect([value('Tokens per second'), bench.gateway.requests.length]).toEqual(['7.0', before]);
});

test('the figures of a daemon that is out of reach are not shown as current', async () => {
  bench.gateway.addSession();
  bench.draw(<Telemetry />);
  await bench.start();
  await bench.pass(1_500);
  expect(value('Status')).toBe('● Running');
  bench.gateway.isUp = false;
  bench.gateway.restart();
  await bench.pass();
  expect([value('Status'), value('Tokens per second')]).toEqual(['✕ Not answering', '–']);
});

test('the figures of the daemon, of LMX and of the open session are shown', async () => {
  const { id } = bench.gateway.addSession();
  bench.gateway.metrics = {
    ...bench.gateway.metrics,
    tokensPerSec: 94.24,
    lmx: { memoryUsed: 2 ** 30, memoryTotal: 2 ** 32, memoryLimit: 3 * 2 ** 30, loaded: ['qwen'], running: 3, waiting: 1, cachedTokens: 91, promptTokens: 100 },
  };
  bench.draw(<Telemetry />);
  await bench.start();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  bench.gateway.append(id, { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop', promptTokens: 12, contextUsed: 82, contextLimit: 100 });
  await bench.pass(1_500);
  const shown = { 'Tokens per second': '94.2', 'Memory of the model host': '25.0%', Context: '82%', Status: '● Running', Sandbox: 'full', Port: '9999', Uptime: '1 min', 'Event seq': '3', Models: 'qwen', Memory: '1.0 of 3.0 GiB', Requests: '2 running, 1 waiting', 'Prompts from cache': '91%', 'Prompt tokens': '12' };
  expect(Object.fromEntries(Object.keys(shown).map((name) => [name, value(name)]))).toEqual(shown);
});
