// The daemon as the page sees it: bootstrap over the desktop process, then HTTP and WebSocket straight to the gateway.

import type { ErrorInfo, Metrics, ModelList, Session, SessionList, TrustState, TurnAccepted } from './protocol';

const KEY = 'opta.key';

interface Bootstrap {
  host: string;
  port: number;
  token: string;
}

export class DaemonError extends Error {
  constructor(
    readonly status: number,
    readonly info: ErrorInfo,
  ) {
    super(info.message);
  }
}

async function bridge<T>(name: string, body: unknown): Promise<T> {
  const answer = await fetch(`/bridge/${name}`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/json', 'X-Opta-Key': sessionStorage.getItem(KEY) ?? '' },
    body: JSON.stringify(body),
  });
  const content = await answer.json();
  if (!answer.ok) throw new DaemonError(answer.status, { code: 'unavailable', message: content.error?.message ?? 'The page has no key.' });
  return content as T;
}

// Trade the one-time code of the address for this tab's key, once.
export async function launch(): Promise<void> {
  const code = new URLSearchParams(location.search).get('launch');
  if (!code) return;
  history.replaceState(null, '', location.pathname + location.hash);
  const { key } = await bridge<{ key: string }>('launch', { code });
  sessionStorage.setItem(KEY, key);
}

class Daemon {
  private known: Promise<Bootstrap> | null = null;

  // Port and token of now; asked again after every failure.
  private bootstrap(): Promise<Bootstrap> {
    this.known ??= bridge<Bootstrap>('bootstrap_metadata', {}).catch((error: unknown) => {
      this.known = null;
      throw error;
    });
    return this.known;
  }

  forget(): void {
    this.known = null;
  }

  async ask<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
    for (let attempt = 0; ; attempt += 1) {
      const { host, port, token } = await this.bootstrap();
      const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
      if (body !== undefined) headers['Content-Type'] = 'application/json';
      if (key) headers['Idempotency-Key'] = key;
      let answer: Response;
      try {
        answer = await fetch(`http://${host}:${port}${path}`, { method, headers, body: body === undefined ? undefined : JSON.stringify(body) });
      } catch (error) {
        this.forget();
        // What carries a key, or only reads, can be sent again after a restart.
        if (attempt < 6 && (key || method === 'GET')) {
          await new Promise((resolve) => setTimeout(resolve, 150 * 2 ** attempt));
          continue;
        }
        throw error;
      }
      if (answer.status === 401 && attempt < 3) {
        this.forget();
        continue;
      }
      const content = await answer.json();
      if (!answer.ok) throw new DaemonError(answer.status, content.error as ErrorInfo);
      return content as T;
    }
  }

  async streamUrl(path: string, query: string): Promise<string> {
    this.forget();
    const { host, port, token } = await this.bootstrap();
    return `ws://${host}:${port}${path}?${query}&token=${encodeURIComponent(token)}`;
  }

  async port(): Promise<number> {
    return (await this.bootstrap()).port;
  }

  sessions(q: string): Promise<SessionList> {
    return this.ask('GET', `/v3/sessions?limit=200&q=${encodeURIComponent(q)}`);
  }

  createSession(mode: string, cwd: string): Promise<Session> {
    return this.ask('POST', '/v3/sessions', { mode, ...(cwd ? { cwd } : {}) });
  }

  submit(sid: string, text: string, overrides: Record<string, string>): Promise<TurnAccepted> {
    return this.ask('POST', `/v3/sessions/${sid}/turns`, { text, ...overrides }, crypto.randomUUID());
  }

  stop(sid: string): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/stop`, {});
  }

  resume(sid: string): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/resume`, {});
  }

  answer(sid: string, requestId: string, decision: string, offer = ''): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/permissions/${requestId}`, { decision, client: 'the page', ...(offer ? { offer } : {}) });
  }

  trust(cwd: string): Promise<TrustState> {
    return this.ask('GET', `/v3/trust?cwd=${encodeURIComponent(cwd)}`);
  }

  giveTrust(cwd: string, sha256: string): Promise<TrustState> {
    return this.ask('POST', '/v3/trust', { cwd, sha256 });
  }

  undo(sid: string, turnId: string): Promise<{ turnId: string; files: string[] }> {
    return this.ask('POST', `/v3/sessions/${sid}/undo`, { turnId });
  }

  models(): Promise<ModelList> {
    return this.ask('GET', '/v3/models');
  }

  metrics(): Promise<Metrics> {
    return this.ask('GET', '/v3/metrics');
  }

  uptime(): Promise<{ uptime: number; version: string; sandbox?: string }> {
    return this.ask('GET', '/v3/health');
  }
}

export const daemon = new Daemon();
