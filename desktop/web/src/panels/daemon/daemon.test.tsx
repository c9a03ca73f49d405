// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import type { UserEvent } from '@testing-library/user-event';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { copyDiagnostics, showDaemon } from '../../actions/daemon';
import type { LogEntry } from '../../bridge';
import { serviceRow, testBench } from '../../testing/page';
import { DaemonSheet } from './daemon_sheet';
import { LogTail } from './log_tail';

const bench = testBench();
const entry = (service: string, level: LogEntry['level'], words: string): LogEntry => ({ service, level, text: `2026-11-30 10:00:00.000 ${level} [${service}] ${words}` });
const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
const lines = () => within(screen.getByRole('log')).queryAllByText(/./).map((line) => line.textContent);

async function choose(user: UserEvent, field: string, option: string) {
  await user.click(screen.getByRole('combobox', { name: field }));
  await user.click(await screen.findByRole('option', { name: option }));
}

async function shown() {
  bench.services = [serviceRow('gateway', 'running', 7), serviceRow('agent', 'running', 8), serviceRow('tools', 'fatal', 0)];
  const user = bench.draw(<DaemonSheet />);
  await bench.start();
  await perform(bench.page, showDaemon, undefined);
  await bench.pass();
  return user;
}

test('every process is listed with how it is, and only what it can do can be asked of it', async () => {
  bench.gateway.health = { ...bench.gateway.health, services: { gateway: { ready: true }, agent: { ready: false } } };
  await shown();
  await bench.pass(1_500);
  expect(screen.getByRole('row', { name: /^gateway ready 7 1 min 50 MiB none/ })).toBeTruthy();
  expect(screen.getByRole('row', { name: /^agent running, not ready 8/ })).toBeTruthy();
  expect(screen.getByRole('row', { name: /^tools fatal – – – none/ })).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Start gateway' })).toBeNull();
  expect(screen.queryByRole('button', { name: 'Stop tools' })).toBeNull();
  expect(button('Start tools').title).toBe('In a terminal: opta daemon start tools');
});

test('a restart is made at once while nothing runs, and after an answer while turns run', async () => {
  const user = await shown();
  await user.click(button('Restart agent'));
  await bench.pass();
  expect(bench.controlled).toEqual([['agent', 'restart']]);
  bench.gateway.metrics = { ...bench.gateway.metrics, turnsRunning: 2 };
  await bench.pass(2_000);
  await user.click(button('Restart agent'));
  expect(screen.getByRole('alertdialog').textContent).toContain('2 turns run. They are interrupted now');
  expect(document.activeElement).toBe(button('Cancel'));
  await user.click(button('Cancel'));
  expect([screen.queryByRole('alertdialog'), bench.controlled.length]).toEqual([null, 1]);
  await user.click(button('Restart agent'));
  await user.click(button('Restart'));
  await bench.pass();
  expect(bench.controlled.length).toBe(2);
});

test('stopping the daemon says what it does, and stops the store last', async () => {
  const user = await shown();
  await user.click(button('Stop the daemon'));
  expect(screen.getByRole('alertdialog', { name: 'Stop the daemon?' }).textContent).toContain('opta daemon stop');
  await user.click(button('Stop'));
  await bench.pass();
  expect(bench.controlled.map(([name]) => name)).toEqual(['gateway', 'agent', 'tools', 'sessions']);
});

test('it works while the daemon is down, and says when nothing can be started from here', async () => {
  bench.gateway.isUp = false;
  const user = await shown();
  expect(screen.getByText(/Not connected|Connecting/)).toBeTruthy();
  await user.click(button('Start tools'));
  await bench.pass();
  expect(bench.controlled).toEqual([['tools', 'start']]);
  bench.hasServer = false;
  await bench.pass(3_000);
  expect(screen.getByRole('alert').textContent).toContain('opta up');
});

test('the logs are live, and shown by process, level and words', async () => {
  bench.logged = [entry('gateway', 'INFO', 'ready'), entry('tools', 'WARNING', 'slow disk')];
  const user = await shown();
  expect(lines()).toHaveLength(2);
  bench.logged = [...bench.logged, entry('agent', 'ERROR', 'model lost')];
  await bench.pass(1_500);
  expect(lines()).toHaveLength(3);
  await choose(user, 'Level', 'Warnings and errors');
  expect(lines()).toHaveLength(2);
  await user.type(screen.getByRole('searchbox', { name: 'Search in the logs' }), 'LOST');
  expect(lines()).toEqual([expect.stringContaining('model lost')]);
  await choose(user, 'Process', 'gateway');
  expect(lines()).toEqual(['No line of the logs is like this.']);
});

test('what comes while the logs are paused is counted and shown afterwards', async () => {
  bench.logged = [entry('gateway', 'INFO', 'one')];
  const user = await shown();
  await user.click(button('Pause'));
  bench.logged = [...bench.logged, entry('gateway', 'INFO', 'two'), entry('gateway', 'INFO', 'three')];
  await bench.pass(1_500);
  expect(lines()).toHaveLength(1);
  expect(screen.getByText('Paused: 2 new lines')).toBeTruthy();
  await user.click(button('Go on'));
  expect(lines()).toHaveLength(3);
});

test('the diagnostics hold every process and the warnings, and no other log line', async () => {
  bench.logged = [entry('gateway', 'INFO', 'quiet'), entry('tools', 'ERROR', 'broken')];
  await shown();
  await perform(bench.page, copyDiagnostics, undefined);
  expect(bench.copied).toContain('agent: running, pid 8, up 61 s, restarts 0, 50 MiB');
  expect([bench.copied.includes('broken'), bench.copied.includes('quiet')]).toEqual([true, false]);
});

test('a long tail forgets its beginning, and counts what an answer left out after the first', () => {
  const many = Array.from({ length: 4_000 }, (_, at) => entry('agent', 'INFO', `${at}`));
  const tail = new LogTail().with({ entries: many, ends: { agent: 1 }, leftOut: 9 }).with({ entries: many, ends: { agent: 2 }, leftOut: 3 });
  expect([tail.entries.length, tail.count, tail.entries.at(-1)?.number, tail.leftOut]).toEqual([5_000, 8_000, 8_000, 3]);
});
