import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Refresh } from './refresh';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.useRealTimers();
});

test('many changes in a moment make one read', async () => {
  let reads = 0;
  const refresh = new Refresh(async () => void (reads += 1));
  for (let change = 0; change < 20; change += 1) refresh.soon();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(reads).toBe(1);
});

test('a change during a read is read after it, never beside it', async () => {
  const waiting: (() => void)[] = [];
  const refresh = new Refresh(() => new Promise((resolve) => waiting.push(resolve)));
  refresh.soon(0);
  await vi.advanceTimersByTimeAsync(0);
  refresh.soon(0);
  refresh.soon(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(waiting).toHaveLength(1);
  waiting[0]?.();
  await vi.advanceTimersByTimeAsync(0);
  expect(waiting).toHaveLength(2);
  waiting[1]?.();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(waiting).toHaveLength(2);
});

test('a read that fails is repeated until it succeeds', async () => {
  let reads = 0;
  const refresh = new Refresh(async () => {
    reads += 1;
    if (reads < 4) throw new Error('refused');
  });
  refresh.soon();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(reads).toBe(4);
});
