// A live stream delivers each line once and in order, over connections that break, repeat, leave gaps, or fall silent.

import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { type Connection, EventLog, type Stream } from './eventlog';
import { GlobalPosition, SessionPosition } from './position';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

const nextFrame = (run: () => void) => void setTimeout(run, 16);

// A socket that the test speaks through.
class Socket {
  static all: Socket[] = [];
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  isOpen = true;

  constructor(readonly url: string) {
    Socket.all.push(this);
  }

  close(): void {
    this.isOpen = false;
  }

  say(...lines: string[]): void {
    this.onmessage?.({ data: lines.join('\n') });
  }
}

function openLog(position: SessionPosition | GlobalPosition, url: Stream['url'] = async (query) => query) {
  Socket.all = [];
  vi.stubGlobal('WebSocket', Socket);
  const seen: string[] = [];
  const controls: string[] = [];
  const states: Connection[] = [];
  const log = new EventLog(
    {
      url,
      onLines: (lines) => seen.push(...lines),
      onControl: ({ control }) => controls.push(control),
      onConnection: (state) => states.push(state),
    },
    position,
    nextFrame,
  );
  log.start();
  return { log, seen, controls, states, sockets: Socket.all };
}

const event = (seq: number) => `{"seq":${seq},"event":"turn.token"}`;
const open = () => Socket.all.filter((socket) => socket.isOpen);

test('a connection that falls silent is replaced, and the stream of all sessions resumes at its cursor', async () => {
  const { sockets, seen } = openLog(new GlobalPosition());
  await vi.advanceTimersByTimeAsync(0);
  expect(sockets[0]?.url).toBe('cursor=');
  sockets[0]?.onopen?.();
  sockets[0]?.say('{"control":"reset","lastSeq":{}}', '{"control":"cursor","cursor":"e1.4"}');
  sockets[0]?.say(event(7), event(3), '{"control":"cursor","cursor":"e1.6"}');
  await vi.advanceTimersByTimeAsync(11_900);
  expect(sockets).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(500);
  expect(sockets[1]?.url).toBe('cursor=e1.6');
  expect(sockets[0]?.isOpen).toBe(false);
  sockets[0]?.say(event(9));
  await vi.advanceTimersByTimeAsync(100);
  expect(seen).toEqual([event(7), event(3)]);
});

test('a ping keeps a connection', async () => {
  const { sockets } = openLog(new SessionPosition());
  await vi.advanceTimersByTimeAsync(0);
  for (let ping = 0; ping < 20; ping += 1) {
    await vi.advanceTimersByTimeAsync(5_000);
    sockets[0]?.say('{"control":"ping"}');
  }
  expect(sockets).toHaveLength(1);
});

test('a page that stood still handles what has arrived before it gives a connection up', async () => {
  const { sockets, seen } = openLog(new SessionPosition());
  await vi.advanceTimersByTimeAsync(0);
  vi.setSystemTime(Date.now() + 60_000);
  await vi.advanceTimersByTimeAsync(12_100);
  sockets[0]?.say(event(1));
  await vi.advanceTimersByTimeAsync(5_000);
  expect([sockets.length, seen]).toEqual([1, [event(1)]]);
  vi.setSystemTime(Date.now() + 60_000);
  await vi.advanceTimersByTimeAsync(14_000);
  expect(sockets).toHaveLength(2);
});

test('a connection that never opens is given up, and so is an address that never comes', async () => {
  const { sockets } = openLog(new SessionPosition());
  await vi.advanceTimersByTimeAsync(12_500);
  expect(sockets).toHaveLength(2);
  let asked = 0;
  openLog(new SessionPosition(), () => {
    asked += 1;
    return new Promise(() => undefined);
  });
  await vi.advanceTimersByTimeAsync(12_500);
  expect(asked).toBe(2);
});

test('there is one connection at a time, however often a retry is asked for', async () => {
  const { log, sockets } = openLog(new SessionPosition());
  for (let kick = 0; kick < 5; kick += 1) log.kick();
  await vi.advanceTimersByTimeAsync(0);
  sockets[0]?.onclose?.();
  for (let kick = 0; kick < 5; kick += 1) log.kick();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(sockets).toHaveLength(2);
  expect(open()).toHaveLength(1);
});

test('a retry that is due later happens now when it is asked for', async () => {
  let isUp = false;
  const { log, states, sockets } = openLog(new SessionPosition(), async (query) => {
    if (!isUp) throw new Error('down');
    return query;
  });
  await vi.advanceTimersByTimeAsync(120_000);
  expect(states[states.length - 1]).toBe('disconnected');
  isUp = true;
  log.kick();
  await vi.advanceTimersByTimeAsync(0);
  expect(sockets).toHaveLength(1);
});

test('a line after a gap is not delivered: the stream resumes before the gap', async () => {
  const { sockets, seen } = openLog(new SessionPosition());
  await vi.advanceTimersByTimeAsync(0);
  sockets[0]?.say(event(1), event(2), event(4), event(5));
  await vi.advanceTimersByTimeAsync(400);
  expect(seen).toEqual([event(1), event(2)]);
  expect(sockets[1]?.url).toBe('afterSeq=2');
});

test('a closed log delivers nothing more and does not reconnect', async () => {
  const { log, sockets, seen } = openLog(new SessionPosition());
  await vi.advanceTimersByTimeAsync(0);
  sockets[0]?.say(event(1));
  log.close();
  sockets[0]?.onclose?.();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(seen).toEqual([]);
  expect(sockets).toHaveLength(1);
});

const TOTAL = 400;
let randomState = 0;

function random(): number {
  randomState = (randomState * 1664525 + 1013904223) % 4294967296;
  return randomState / 4294967296;
}

// Serves lines after the asked seq; now and then repeats one, leaves one out, breaks, or falls silent.
class BadSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  private isOpen = true;

  constructor(url: string) {
    void this.serve(Number(url));
  }

  close(): void {
    this.isOpen = false;
  }

  private async serve(after: number): Promise<void> {
    await Promise.resolve();
    this.onopen?.();
    for (let seq = after + 1; seq <= TOTAL && this.isOpen; seq += 1) {
      const chance = random();
      if (chance < 0.01) return;
      if (chance < 0.02) break;
      if (chance < 0.05) continue;
      const lines = [event(seq)];
      if (chance < 0.15) lines.unshift(event(Math.max(1, seq - 2)));
      if (chance > 0.9) lines.push('{"control":"ping"}');
      this.onmessage?.({ data: lines.join('\n') });
      await new Promise((resolve) => setTimeout(resolve, 1));
    }
    if (this.isOpen) {
      this.isOpen = false;
      this.onclose?.();
    }
  }
}

test.each([1, 2, 3])('each line arrives once and in order over a bad connection, seed %i', async (seed) => {
  randomState = seed;
  vi.stubGlobal('WebSocket', BadSocket);
  const seen: number[] = [];
  const log = new EventLog(
    {
      url: async (query) => query.replace('afterSeq=', ''),
      onLines: (lines) => seen.push(...lines.map((line) => JSON.parse(line).seq as number)),
      onControl: () => undefined,
      onConnection: () => undefined,
    },
    new SessionPosition(),
    nextFrame,
  );
  log.start();
  for (let round = 0; round < 4000 && seen.length < TOTAL; round += 1) await vi.advanceTimersByTimeAsync(500);
  log.close();
  expect(seen).toEqual(Array.from({ length: TOTAL }, (_, at) => at + 1));
});
