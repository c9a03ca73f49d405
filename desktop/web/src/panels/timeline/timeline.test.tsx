// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { testBench } from '../../testing/page';
import { Timeline } from './timeline';

const bench = testBench();

// jsdom lays nothing out: a window of 600 px over turns of 160 px.
beforeEach(() => {
  vi.spyOn(Element.prototype, 'clientHeight', 'get').mockReturnValue(600);
  vi.spyOn(Element.prototype, 'clientWidth', 'get').mockReturnValue(800);
  vi.spyOn(HTMLElement.prototype, 'offsetHeight', 'get').mockReturnValue(160);
});
afterEach(() => vi.restoreAllMocks());

async function withTurns(count: number): Promise<void> {
  const { id } = bench.gateway.addSession();
  for (let at = 1; at <= count; at += 1) bench.gateway.append(id, { event: 'turn.start', turn: `t${at}`, role: 'user', text: `prompt ${at}`, mode: 'chat', level: 'L1' });
  await bench.start();
}

test('only the turns near the window are drawn, and each says how many there are', async () => {
  bench.draw(<Timeline />);
  await withTurns(500);
  const turns = screen.getAllByRole('article');
  expect(turns.length).toBeGreaterThan(0);
  expect(turns.length).toBeLessThan(30);
  expect(turns.every((turn) => turn.getAttribute('aria-setsize') === '500')).toBe(true);
});

test('turns that are there before the timeline is drawn are drawn with it', async () => {
  await withTurns(3);
  bench.draw(<Timeline />);
  expect(screen.getAllByRole('article')).toHaveLength(3);
});

test('a session without turns welcomes', async () => {
  bench.draw(<Timeline />);
  await withTurns(0);
  expect(screen.getByRole('heading', { name: 'A new session' })).toBeTruthy();
});

test('a post-mortem is shown behind the turn after which it was written', async () => {
  bench.draw(<Timeline />);
  await withTurns(1);
  bench.gateway.append('sid1', { event: 'session.note', kind: 'post-mortem', text: 'Trigger: the tool worker was suspended.' });
  await bench.pass();
  expect(screen.getByRole('complementary', { name: 'post-mortem' }).textContent).toContain('Trigger: the tool worker was suspended.');
});
