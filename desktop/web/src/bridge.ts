// The desktop process, which served this page: it trades the launch code for a key, and the key for the daemon's address and token.

import { type Address, DaemonError } from './daemon';

const KEY = 'opta.key';

// Trade the one-time code of the page's address for this tab's key.
export async function launch(): Promise<void> {
  const code = new URLSearchParams(location.search).get('launch');
  if (!code) return;
  history.replaceState(null, '', location.pathname + location.hash);
  await redeem(code);
}

// Trade a code that a person brings from the terminal.
export async function redeem(code: string): Promise<void> {
  const { key } = await ask<{ key: string }>('launch', { code });
  sessionStorage.setItem(KEY, key);
}

export function bootstrap(): Promise<Address> {
  return ask('bootstrap_metadata', {});
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
    throw new DaemonError(response.status, { code, message: content.error?.message ?? 'The page has no key. Open it again: opta open' });
  }
  return content as T;
}
