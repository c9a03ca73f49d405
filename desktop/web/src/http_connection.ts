// Requests to the gateway: its address and token, which change when it restarts, and the attempts of a request.

import type { ErrorInfo } from './protocol';

// Where the gateway listens, and the token it accepts. Both change when it restarts.
export interface Address {
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

// Requests that carry a key, or only read, are sent again while the gateway restarts.
const ATTEMPTS_MAX = 6;
const RETRY_MS = 150;
// A 401 means that the token has changed: ask for the new one.
const TOKENS_MAX = 3;

export class HttpConnection {
  private known: Promise<Address> | null = null;

  // `bootstrap` asks the desktop process.
  constructor(private readonly bootstrap: () => Promise<Address>) {}

  // The address in use; asked again after every failure.
  private address(): Promise<Address> {
    this.known ??= this.bootstrap().catch((error: unknown) => {
      this.known = null;
      throw error;
    });
    return this.known;
  }

  private forget(): void {
    this.known = null;
  }

  // Send a request and read the JSON of its answer. Raises DaemonError when it is refused, TypeError when the gateway does not answer.
  async ask<T>(method: string, path: string, body?: unknown, key?: string): Promise<T> {
    return (await this.send(method, path, body, key)).json() as Promise<T>;
  }

  protected async send(method: string, path: string, body?: unknown, key?: string): Promise<Response> {
    for (let attempt = 0; ; attempt += 1) {
      const { host, port, token } = await this.address();
      const headers: Record<string, string> = { Authorization: `Bearer ${token}` };
      const isFile = body instanceof Blob;
      if (body !== undefined) headers['Content-Type'] = isFile ? 'application/octet-stream' : 'application/json';
      if (key) headers['Idempotency-Key'] = key;
      let response: Response;
      try {
        response = await fetch(`http://${host}:${port}${path}`, { method, headers, body: body === undefined || isFile ? body : JSON.stringify(body) });
      } catch (error) {
        this.forget();
        if (attempt < ATTEMPTS_MAX && (key || method === 'GET')) {
          await new Promise((resolve) => setTimeout(resolve, RETRY_MS * 2 ** attempt));
          continue;
        }
        throw error;
      }
      if (response.status === 401 && attempt < TOKENS_MAX) {
        this.forget();
        continue;
      }
      if (!response.ok) throw new DaemonError(response.status, (await response.json()).error as ErrorInfo);
      return response;
    }
  }

  // The WebSocket address of a stream, with the token of now.
  async streamUrl(path: string, query: string): Promise<string> {
    this.forget();
    const { host, port, token } = await this.address();
    return `ws://${host}:${port}${path}?${query}&token=${encodeURIComponent(token)}`;
  }

  // Milliseconds until the gateway has answered with nothing. Asked once: a retry would be measured, too.
  async roundTrip(): Promise<number> {
    const { host, port } = await this.address();
    const began = performance.now();
    try {
      const response = await fetch(`http://${host}:${port}/healthz`, { cache: 'no-store' });
      await response.arrayBuffer();
    } catch (error) {
      // One that was started again may be at another port.
      this.forget();
      throw error;
    }
    return performance.now() - began;
  }
}
