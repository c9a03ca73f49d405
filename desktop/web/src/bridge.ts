// The desktop process, which served this page: it trades the launch code for a key, the key for the daemon's address and token,
// and shows and controls its services also while the daemon is down.

import { type Address, DaemonError } from './http_connection';
import { say } from './strings/spoken';

const KEY = 'opta.key';

export interface ServiceRow {
  name: string;
  // As supervisord names it: running, stopped, starting, backoff, exited, fatal, ...
  state: string;
  pid: number;
  uptimeS: number;
  // Resident memory in bytes; 0 while it does not run.
  memory: number;
  // Starts after the first one, of those in a row.
  restarts: number;
}

export interface LogEntry {
  service: string;
  level: LogLevel;
  // The line as it is in the file, with the lines of its traceback.
  text: string;
}

export const LOG_LEVELS = ['DEBUG', 'INFO', 'WARNING', 'ERROR'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

// `ends`: how far each log was read, for the next call. `leftOut`: entries that were too many for one answer.
export interface LogEntries {
  entries: LogEntry[];
  ends: Record<string, number>;
  leftOut: number;
}

export type ServiceVerb = 'start' | 'stop' | 'restart';

export interface Bridge {
  // Trade a code from the terminal for this window's key.
  redeem(code: string): Promise<void>;
  bootstrap(): Promise<Address>;
  // All services, from supervisord.
  services(): Promise<ServiceRow[]>;
  control(name: string, action: ServiceVerb): Promise<void>;
  // What came into the logs since `ends`; null: the newest of them.
  logs(ends: Record<string, number> | null): Promise<LogEntries>;
}

export const browserBridge: Bridge = {
  async redeem(code) {
    const { key } = await ask<{ key: string }>('launch', { code });
    sessionStorage.setItem(KEY, key);
  },
  bootstrap: () => ask('bootstrap_metadata', {}),
  services: async () => (await ask<{ services: ServiceRow[] }>('services', {})).services,
  control: async (name, action) => void (await ask('service', { name, action })),
  logs: (ends) => ask('logs', { ends }),
};

// Trade the one-time code of the page's address for this tab's key.
export async function launch(): Promise<void> {
  const code = new URLSearchParams(location.search).get('launch');
  if (!code) return;
  history.replaceState(null, '', location.pathname + location.hash);
  await browserBridge.redeem(code);
}

async function ask<T>(name: string, body: unknown): Promise<T> {
  const response = await fetch(`/bridge/${name}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Opta-Key': sessionStorage.getItem(KEY) ?? '' },
    body: JSON.stringify(body),
  });
  const content = await response.json();
  if (!response.ok) {
    const code = response.status === 401 ? 'unauthorized' : 'unavailable';
    throw new DaemonError(response.status, { code, message: content.error?.message ?? say('problems')('noKey') });
  }
  return content as T;
}
