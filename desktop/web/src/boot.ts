// Whether the page can work, and if not, what is missing. One state at a time, computed from what is known; each ends by itself when its cause does.

import { DaemonError } from './http_connection';
import type { State } from './state';
import { QUIET_ATTEMPTS } from './streams/eventlog';

// What a daemon has to speak for this page.
export const CONTRACT = { name: 'opta-daemon-v3', version: 1 } as const;

export type Boot =
  // The first connection is on its way.
  | 'starting'
  // This window has no key: only a person can bring one.
  | 'no-key'
  // The server of this page does not answer: the whole daemon is down, or this machine was asleep.
  | 'no-server'
  // The server of this page answers, and the daemon does not.
  | 'no-daemon'
  // The daemon speaks another version than this page.
  | 'wrong-version'
  // Connected; the sessions are being read.
  | 'loading'
  | 'ready';

// Who did not answer the last attempt.
export type Missing = 'nobody' | 'key' | 'server' | 'daemon';

export function boot(state: State): Boot {
  if (state.missing === 'key') return 'no-key';
  if (state.health && !isSpoken(state.health.contract)) return 'wrong-version';
  if (state.globalConnection === 'connected') return state.sessionsRead ? 'ready' : 'loading';
  if (state.attempts < QUIET_ATTEMPTS) return state.sessionsRead ? 'ready' : 'starting';
  return state.missing === 'server' ? 'no-server' : 'no-daemon';
}

// Who it was, from what the attempt to connect raised; nothing is raised when only the daemon's connection was closed.
export function missingOf(error: unknown): Missing {
  if (error instanceof DaemonError) return error.status === 401 ? 'key' : 'daemon';
  return error === undefined ? 'daemon' : 'server';
}

function isSpoken({ name, version }: { name: string; version: number }): boolean {
  return name === CONTRACT.name && version === CONTRACT.version;
}
