// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { Header } from './header';

const bench = testBench();

test('what needs the person is said in words, and leads there', async () => {
  bench.gateway.addSession({ title: 'first', state: 'waiting' });
  bench.gateway.addSession({ title: 'second' });
  const user = bench.draw(<Header />);
  await bench.start();
  bench.takesFocus = false;
  await user.click(screen.getByRole('button', { name: /1 needs you/ }));
  await bench.pass();
  expect(bench.page.state.selected).toBe('sid1');
  bench.gateway.sessions = bench.gateway.sessions.map((session) => ({ ...session, state: 'idle' }));
  bench.page.refreshSessions();
  await bench.pass();
  expect(screen.queryByRole('button', { name: /needs you/ })).toBeNull();
});

test('the telemetry is put away and brought back, which the browser keeps', async () => {
  bench.gateway.addSession();
  const user = bench.draw(<Header />);
  await bench.start();
  const button = screen.getByRole('button', { name: 'Telemetry' });
  await user.click(button);
  expect([button.getAttribute('aria-expanded'), bench.stored.isTelemetryOpen]).toEqual(['false', false]);
  await user.click(button);
  expect([button.getAttribute('aria-expanded'), bench.stored.isTelemetryOpen]).toEqual(['true', true]);
});

test('the keys are one button away', async () => {
  const user = bench.draw(<Header />);
  await bench.start();
  await user.click(screen.getByRole('button', { name: 'Keys' }));
  expect(bench.page.state.areKeysShown).toBe(true);
});
