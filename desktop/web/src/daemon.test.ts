import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { Daemon } from './daemon';
import { DaemonError } from './http_connection';

beforeEach(() => {
  vi.useFakeTimers();
});

afterEach(() => {
  vi.unstubAllGlobals();
  vi.useRealTimers();
});

type Answer = 'down' | number;

// A daemon whose gateway gives these answers in turn, the last one for ever, and a new token after each 401.
function daemonThat(...answers: Answer[]) {
  const requests: { token: string; key: string | null }[] = [];
  let tokens = 0;
  vi.stubGlobal('fetch', async (_: string, init: RequestInit) => {
    const headers = new Headers(init.headers);
    requests.push({ token: headers.get('Authorization') ?? '', key: headers.get('Idempotency-Key') });
    const answer = answers[Math.min(requests.length, answers.length) - 1];
    if (answer === 'down') throw new TypeError('Failed to fetch');
    return Response.json(answer === 200 ? { turnId: 't1' } : { error: { code: 'unavailable', message: 'Refused.' } }, { status: answer });
  });
  const daemon = new Daemon(async () => ({ host: '127.0.0.1', port: 9999, token: `token${++tokens}` }));
  return { daemon, requests };
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  const settled = promise.catch((error: unknown) => error);
  await vi.advanceTimersByTimeAsync(60_000);
  return settled;
}

test('a turn is sent again with the same key while the gateway restarts', async () => {
  const { daemon, requests } = daemonThat('down', 'down', 200);
  expect(await outcome(daemon.submit('sid1', 'hello', {}))).toEqual({ turnId: 't1' });
  expect(requests).toHaveLength(3);
  expect(new Set(requests.map(({ key }) => key)).size).toBe(1);
  expect(requests[0]?.key).toBeTruthy();
});

test('what cannot be recognised as sent before is sent once', async () => {
  const { daemon, requests } = daemonThat('down', 200);
  expect(await outcome(daemon.createSession('chat', ''))).toBeInstanceOf(TypeError);
  expect(requests).toHaveLength(1);
});

test('a gateway that stays away is given up', async () => {
  const { daemon, requests } = daemonThat('down');
  expect(await outcome(daemon.models())).toBeInstanceOf(TypeError);
  expect(requests).toHaveLength(7);
});

test('a token that is refused is asked for anew', async () => {
  const { daemon, requests } = daemonThat(401, 200);
  await outcome(daemon.models());
  expect(requests.map(({ token }) => token)).toEqual(['Bearer token1', 'Bearer token2']);
});

test('a refusal has the status and the words of the daemon', async () => {
  const { daemon } = daemonThat(503);
  const error = await outcome(daemon.models());
  expect(error).toBeInstanceOf(DaemonError);
  expect(error).toMatchObject({ status: 503, message: 'Refused.' });
});
