// @vitest-environment jsdom

import { act, screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { TelemetryColumn, TelemetryPanel } from './telemetry';
import { TelemetryLine } from './telemetry_line';

const bench = testBench();
const value = (name: string) => screen.getByText(name).nextElementSibling?.textContent;

test('figures that are not known are dashes, never zeros', () => {
  bench.draw(<TelemetryColumn />);
  expect(['Tokens per second', 'Context', 'Uptime', 'Port', 'Requests'].map(value)).toEqual(['–', '–', '–', '–', '–']);
  expect(value('Status')).toBe('○ Connecting');
});

test('figures come by themselves: an idle page asks for nothing but the round trip', async () => {
  bench.gateway.addSession();
  bench.draw(<TelemetryColumn />);
  await bench.start();
  const before = bench.gateway.requests.length;
  const asked = () => bench.gateway.requests.slice(before).filter(({ path }) => path !== '/healthz');
  bench.gateway.metrics = { ...bench.gateway.metrics, tokensPerSec: 7 };
  await bench.pass(10_000);
  expect([value('Tokens per second'), asked()]).toEqual(['7.0', []]);
});

test('the figures of a daemon that is out of reach are not shown as current', async () => {
  bench.gateway.addSession();
  bench.draw(<TelemetryColumn />);
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
  bench.draw(<TelemetryColumn />);
  await bench.start();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  bench.gateway.append(id, { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop', promptTokens: 12, contextUsed: 82, contextLimit: 100, firstTokenMs: 410 });
  await bench.pass(1_500);
  const shown = { 'Tokens per second': '94.2', 'Memory of the model host': '25.0%', Context: '82%', Status: '● Running', Sandbox: 'full', Port: '9999', Uptime: '1 min', 'Event seq': '3', Models: 'qwen', Memory: '1.0 of 3.0 GiB', Requests: '2 running, 1 waiting', 'Prompts from cache': '91%', 'Prompt tokens': '12', 'First token': '0.41 s', Turn: 't1' };
  expect(Object.fromEntries(Object.keys(shown).map((name) => [name, value(name)]))).toEqual(shown);
});

const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' };
const DONE = { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop', contextUsed: 96, contextLimit: 100 };

test('figures that come no more are dimmed and said to be old, before the connection is known to be lost', async () => {
  bench.gateway.addSession();
  bench.draw(<TelemetryColumn />);
  await bench.start();
  await bench.pass(1_500);
  expect(screen.queryByText(/these are old/)).toBeNull();
  for (const socket of bench.gateway.open('/v3/events')) socket.isSilent = true;
  await bench.pass(8_000);
  expect(screen.getByText(/No figures for \d+ s: these are old\./)).toBeTruthy();
  expect(value('Status')).toBe('● Running');
  bench.gateway.isUp = false;
  await bench.pass(20_000);
  expect([value('Status'), value('Tokens per second'), value('Uptime'), value('agent')]).toEqual(['✕ Not answering', '–', '–', '–']);
  expect(screen.queryByText(/these are old/)).toBeNull();
});

test('each service says whether it is ready, and one on another machine is not said to have failed', async () => {
  bench.gateway.addSession();
  bench.gateway.health = { ...bench.gateway.health, services: { gateway: { ready: true }, agent: { ready: true }, tools: { ready: false }, lmx: { ready: false } } };
  bench.draw(<TelemetryColumn />);
  await bench.start();
  await bench.pass(1_500);
  expect(['gateway', 'agent', 'tools', 'lmx', 'sessions'].map(value)).toEqual(['● ready', '● ready', '✕ not ready', '✕ not ready', '–']);
  bench.gateway.health = { ...bench.gateway.health, providers: [{ name: 'lmx', type: 'lmx', active: false }, { name: 'other', type: 'openai', active: true }] };
  await bench.pass(1_500);
  expect(value('lmx')).toBe('○ not used');
  bench.gateway.metrics = { ...bench.gateway.metrics, lmx: { host: 'big:1234', memoryUsed: 3 * 2 ** 30, memoryLimit: 4 * 2 ** 30 } };
  await bench.pass(1_500);
  expect([value('lmx'), value('Memory of the model host'), value('Host')]).toEqual(['on another machine', '75.0%', 'big:1234']);
});

test('a full context is an alarm in words, not in colour alone', async () => {
  const { id } = bench.gateway.addSession();
  bench.draw(<TelemetryColumn />);
  await bench.start();
  bench.gateway.append(id, START);
  bench.gateway.append(id, { ...DONE, contextUsed: 79 });
  await bench.pass();
  expect(screen.getByText('21 tokens left')).toBeTruthy();
  bench.gateway.append(id, { ...START, turn: 't2' });
  bench.gateway.append(id, { ...DONE, turn: 't2', contextUsed: 80 });
  await bench.pass();
  expect(screen.getByText('◆ nearly full: 20 tokens left')).toBeTruthy();
  bench.gateway.append(id, { ...START, turn: 't3' });
  bench.gateway.append(id, { ...DONE, turn: 't3' });
  await bench.pass();
  expect(screen.getByText('✕ full: 4 tokens left')).toBeTruthy();
  expect(screen.getByText('96%').className).toContain('err');
});

test('the running turn counts on by itself, and its first token is timed once', async () => {
  const { id } = bench.gateway.addSession();
  bench.draw(<TelemetryColumn />);
  await bench.start();
  const at = Date.now();
  const ts = (ms: number) => new Date(at + ms).toISOString();
  bench.gateway.append(id, { ...START, ts: ts(0) });
  bench.gateway.append(id, { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1, ts: ts(100) });
  await bench.pass();
  expect([screen.getByRole('heading', { name: 'Active turn' }) !== null, value('First token')]).toEqual([true, '–']);
  bench.gateway.append(id, { event: 'turn.token', turn: 't1', delta: 'a', ts: ts(520) });
  bench.gateway.append(id, { event: 'turn.token', turn: 't1', delta: 'b', ts: ts(900) });
  await bench.pass();
  expect(value('First token')).toBe('0.42 s');
  const before = value('Elapsed');
  await bench.pass(5_000);
  expect(Number.parseInt(value('Elapsed') ?? '', 10)).toBeGreaterThanOrEqual(Number.parseInt(before ?? '', 10) + 4);
});

test('the round trip is measured while it is looked at, and not for a window that has no room for it', async () => {
  bench.gateway.addSession();
  bench.draw(<TelemetryPanel />);
  bench.isWide = false;
  await bench.start();
  await bench.pass(11_000);
  const measured = () => bench.gateway.requests.filter(({ path }) => path === '/healthz').length;
  expect([measured(), value('Round trip')]).toEqual([0, '–']);
  bench.isWide = true;
  await bench.pass(11_000);
  expect(measured()).toBeGreaterThanOrEqual(2);
  expect(value('Round trip')).toMatch(/ms$/);
});

test('one line says rate, context and whether the daemon answers, and opens the rest', async () => {
  const { id } = bench.gateway.addSession();
  bench.isWide = false;
  const user = bench.draw(<TelemetryLine />);
  await bench.start();
  bench.gateway.metrics = { ...bench.gateway.metrics, tokensPerSec: 94.2 };
  bench.gateway.append(id, START);
  bench.gateway.append(id, { ...DONE, contextUsed: 82 });
  await bench.pass(1_500);
  const line = screen.getByRole('button', { name: 'Telemetry 94 tok/s ctx 82% ● Running' });
  expect(line.textContent).toBe('Telemetry 94 tok/s · ctx 82% · ● Running');
  await user.click(line);
  expect(screen.getByRole('dialog', { name: 'Telemetry' })).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Close' }));
  expect(screen.queryByRole('dialog')).toBeNull();
  act(() => bench.gateway.stop());
  await bench.pass();
  expect(screen.getByRole('button', { name: /^Telemetry – tok.s ctx 82% ✕ Not answering/ })).toBeTruthy();
});
