// @vitest-environment jsdom

import { act, screen } from '@testing-library/react';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { useTestBench } from '../../testing/page';
import { Timeline } from './timeline';

const bench = useTestBench();

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

test('new text does not move a reader who has scrolled away, until they jump to the end', async () => {
  const user = bench.draw(<Timeline />);
  await withTurns(20);
  const log = screen.getByRole('log', { name: 'Timeline' });
  Object.defineProperties(log, { scrollHeight: { value: 5_000, configurable: true }, clientHeight: { value: 600, configurable: true } });
  for (const top of [4_400, 1_000])
    act(() => {
      log.scrollTop = top;
      log.dispatchEvent(new Event('scroll', { bubbles: true }));
    });
  bench.gateway.append('sid1', { event: 'turn.token', turn: 't20', delta: 'more' });
  await bench.pass();
  expect(log.scrollTop).toBe(1_000);
  await user.click(screen.getByRole('button', { name: /Jump to end/ }));
  expect(log.scrollTop).toBe(5_000);
  expect(screen.queryByRole('button', { name: /Jump to end/ })).toBeNull();
});

test('turns that arrive or are measured below do not stop the following', async () => {
  bench.draw(<Timeline />);
  await withTurns(20);
  const log = screen.getByRole('log', { name: 'Timeline' });
  Object.defineProperties(log, { scrollHeight: { value: 5_000, configurable: true }, clientHeight: { value: 600, configurable: true } });
  act(() => {
    log.scrollTop = 3_000;
    log.dispatchEvent(new Event('scroll', { bubbles: true }));
  });
  expect(screen.queryByRole('button', { name: /Jump to end/ })).toBeNull();
  bench.gateway.append('sid1', { event: 'turn.token', turn: 't20', delta: 'more' });
  await bench.pass();
  expect(log.scrollTop).toBe(5_000);
});

test('where a session was left is where it is when it is opened again', async () => {
  bench.draw(<Timeline />);
  await withTurns(20);
  bench.gateway.addSession({ title: 'other' });
  const log = screen.getByRole('log', { name: 'Timeline' });
  Object.defineProperties(log, { scrollHeight: { value: 5_000, configurable: true }, clientHeight: { value: 600, configurable: true } });
  for (const top of [4_400, 1_234])
    act(() => {
      log.scrollTop = top;
      log.dispatchEvent(new Event('scroll', { bubbles: true }));
    });
  act(() => bench.page.open('sid2'));
  await bench.pass();
  log.scrollTop = 0;
  act(() => bench.page.open('sid1'));
  await bench.pass();
  expect(log.scrollTop).toBe(1_234);
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
