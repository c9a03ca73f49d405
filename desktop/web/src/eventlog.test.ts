// Exactly once, in order, over a connection that breaks, repeats and leaves holes.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { EventLog } from './eventlog';

const TOTAL = 400;
let randomState = 0;

function random(): number {
  randomState = (randomState * 1664525 + 1013904223) % 4294967296;
  return randomState / 4294967296;
}

// Serves lines after the asked seq, now and then repeats one, leaves one out, or breaks.
class BadSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  private open = true;

  constructor(url: string) {
    void this.serve(Number(url));
  }

  close(): void {
    this.open = false;
  }

  private async serve(after: number): Promise<void> {
    await Promise.resolve();
    this.onopen?.();
    for (let seq = after + 1; seq <= TOTAL && this.open; seq += 1) {
      const chance = random();
      if (chance < 0.02) break;
      if (chance < 0.05) continue;
      const lines = [`{"seq":${seq},"event":"turn.token"}`];
      if (chance < 0.15) lines.unshift(`{"seq":${Math.max(1, seq - 2)},"event":"turn.token"}`);
      if (chance > 0.9) lines.push('{"control":"ping"}');
      this.onmessage?.({ data: lines.join('\n') });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (this.open) {
      this.open = false;
      this.onclose?.();
    }
  }
}

beforeEach(() => {
  vi.useFakeTimers();
  vi.stubGlobal('WebSocket', BadSocket);
  vi.stubGlobal('window', globalThis);
  vi.stubGlobal('document', { hidden: false });
  vi.stubGlobal('requestAnimationFrame', (run: () => void) => setTimeout(run, 16));
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

test.each([1, 2, 3])('seed %i', async (seed) => {
  randomState = seed;
  const seen: number[] = [];
  const log = new EventLog(
    { url: async (afterSeq) => String(afterSeq) },
    0,
    (lines) => seen.push(...lines.map((line) => JSON.parse(line).seq as number)),
    () => undefined,
  );
  log.start();
  for (let round = 0; round < 4000 && seen.length < TOTAL; round += 1) await vi.advanceTimersByTimeAsync(500);
  log.close();
  expect(seen).toEqual(Array.from({ length: TOTAL }, (_, at) => at + 1));
});
