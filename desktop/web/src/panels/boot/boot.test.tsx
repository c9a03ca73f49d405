// @vitest-environment jsdom
// What the page shows while it cannot work: one state at a time, each with what helps, each ending by itself.

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { App } from '../../app';
import { boot } from '../../boot';
import { serviceRow, testBench } from '../../testing/page';

const bench = testBench();
const title = (name: string | RegExp) => screen.queryByRole('heading', { name });

test('a daemon that is down at load is named within two seconds, started by a person, and connected to by itself', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.gateway.isUp = false;
  bench.services = [
    serviceRow('gateway', 'stopped', 0),
    serviceRow('agent', 'running', 7),
    serviceRow('sessions', 'fatal', 0),
  ];
  const user = bench.draw(<App />);
  await bench.start();
  await bench.pass(2_000);
  expect(boot(bench.page.state)).toBe('no-daemon');
  expect(title('The daemon does not answer')).toBeTruthy();
  expect(screen.queryByText('Connected')).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Start the daemon' }));
  await bench.pass();
  expect(bench.controlled).toEqual([
    ['gateway', 'start'],
    ['sessions', 'start'],
  ]);
  bench.gateway.isUp = true;
  await bench.pass(20_000);
  expect(title('first')).toBeTruthy();
  expect(screen.getByRole('status', { name: 'Connection: Connected' })).toBeTruthy();
});

test('a daemon whose processes run and do not answer is not said to have been started', async () => {
  bench.gateway.isUp = false;
  bench.services = [serviceRow('gateway', 'running', 7)];
  const user = bench.draw(<App />);
  await bench.start();
  await bench.pass(2_000);
  await user.click(screen.getByRole('button', { name: 'Start the daemon' }));
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('opta logs gateway');
  expect(bench.controlled).toEqual([]);
});

test('without the server of the page nothing can be started from here', async () => {
  bench.gateway.isUp = false;
  bench.hasServer = false;
  bench.draw(<App />);
  await bench.start();
  await bench.pass(2_000);
  expect(boot(bench.page.state)).toBe('no-server');
  expect(title('Opta is not running')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Start the daemon' })).toBeNull();
  expect(screen.getByText('opta up')).toBeTruthy();
});

test('a window without a key asks for one, whatever else is missing', async () => {
  bench.hasKey = false;
  bench.draw(<App />);
  await bench.start();
  await bench.pass(2_000);
  expect(boot(bench.page.state)).toBe('no-key');
  expect(title('This window is not connected')).toBeTruthy();
});

test('a daemon of another version is said to be one', async () => {
  bench.gateway.addSession({ title: 'first' });
  bench.gateway.health = { ...bench.gateway.health, contract: { name: 'opta-daemon-v4', version: 2 } };
  bench.draw(<App />);
  await bench.start();
  await bench.pass(2_000);
  expect(boot(bench.page.state)).toBe('wrong-version');
  expect(screen.getByText(/opta-daemon-v4 2 and this page opta-daemon-v3 1/)).toBeTruthy();
  expect(screen.queryByRole('textbox', { name: 'Message' })).toBeNull();
});

test('what was read stays readable while the daemon dies, and the page says when it tries again', async () => {
  bench.gateway.addSession({ title: 'first', lastSeq: 1 });
  bench.draw(<App />);
  await bench.start();
  bench.gateway.stop();
  await bench.pass(2_500);
  expect(title('first')).toBeTruthy();
  expect(screen.getByText(/Nothing is lost: .* after event 1\./)).toBeTruthy();
  expect(screen.getByText('The daemon does not answer')).toBeTruthy();
  expect(screen.getByRole('button', { name: 'Try now' })).toBeTruthy();
  bench.gateway.isUp = true;
  await bench.pass(20_000);
  expect(screen.queryByText(/Nothing is lost/)).toBeNull();
});
