// In-process twin of the gateway: answers `fetch` and `WebSocket` as it does, and keeps every request.

import { vi } from 'vitest';
import type { ErrorCode, Health, Metrics, ModelInfo, Session } from '../protocol';

interface Recorded {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

const METRICS: Metrics = { sessions: 0, turnsRunning: 0, turnsQueued: 0, tokensPerSec: 0, tools: {}, lmx: {}, memory: {}, streams: 0 };
const DEFAULT: ModelInfo = { id: 'lmx/probe', provider: 'lmx', name: 'probe', healthy: true, default: true };
const OTHER: ModelInfo = { id: 'lmx/qwen', provider: 'lmx', name: 'qwen', healthy: true };
const HEALTH: Health = { status: 'ok', version: '1', daemonId: 'd', uptime: 61, contract: { name: 'opta-daemon-v3', version: 1 }, sandbox: 'full' };
const PINGS_MS = 5_000;
const METRICS_MS = 1_000;

export class TestGateway {
  requests: Recorded[] = [];
  sessions: Session[] = [];
  models: ModelInfo[] = [DEFAULT, OTHER];
  metrics = METRICS;
  health = HEALTH;
  sockets: TestSocket[] = [];
  // Answers of these paths are errors: method and path -> status, code and message.
  refusals: Record<string, [status: number, code: ErrorCode, message: string, details?: Record<string, unknown>]> = {};
  // Extra answers: method and path -> body.
  answers: Record<string, unknown> = {};
  // Whether the gateway process runs; while it does not, nothing connects.
  isUp = true;
  epoch = 'e1';
  private all: string[] = [];
  private readonly journals = new Map<string, string[]>();

  constructor() {
    vi.stubGlobal('fetch', (url: string, init: RequestInit = {}) => this.fetch(url, init));
    const gateway = this;
    vi.stubGlobal(
      'WebSocket',
      class extends TestSocket {
        constructor(url: string) {
          super(gateway, url);
        }
      },
    );
  }

  addSession(fields: Partial<Session> = {}): Session {
    const number = this.sessions.length + 1;
    const session: Session = {
      id: `sid${number}`,
      title: '',
      cwd: '/work',
      mode: 'chat',
      model: '',
      level: 'L1',
      state: 'idle',
      turns: 0,
      createdAt: '',
      lastActivityAt: '',
      lastSeq: 0,
      pinned: false,
      archived: false,
      pending: 0,
      ...fields,
    };
    this.sessions = [session, ...this.sessions];
    this.append(session.id, { event: 'session.start', title: session.title, cwd: session.cwd, mode: session.mode, level: session.level });
    return session;
  }

  // Store an event, and send it on both streams.
  append(sid: string, { event, ...fields }: Record<string, unknown>): void {
    const journal = this.journals.get(sid) ?? [];
    this.journals.set(sid, journal);
    journal.push(JSON.stringify({ seq: journal.length + 1, event, ts: '2024-01-01T00:00:00.000000Z', sid, ...fields }));
    this.all.push(journal[journal.length - 1] ?? '');
    for (const socket of this.sockets) socket.push();
  }

  // Sockets of the stream of all sessions, or of one session, that the page has open.
  open(path: string): TestSocket[] {
    return this.sockets.filter((socket) => socket.isOpen && new URL(socket.url).pathname === path);
  }

  // Bodies of the requests that changed something at these paths.
  posted(path: RegExp): Record<string, unknown>[] {
    return this.requests.filter((request) => request.method === 'POST' && path.test(request.path)).map((request) => request.body);
  }

  // The gateway was replaced: its sockets close, and cursors of the old one are unknown.
  restart(): void {
    this.epoch = `${this.epoch}x`;
    this.all = [];
    for (const socket of this.sockets) socket.drop();
  }

  lines(path: string): string[] {
    return path === '/v3/events' ? this.all : (this.journals.get(path.split('/')[3] ?? '') ?? []);
  }

  private async fetch(url: string, init: RequestInit): Promise<Response> {
    const method = init.method ?? 'GET';
    const { pathname, searchParams } = new URL(url, 'http://127.0.0.1:5173');
    const isFile = init.body instanceof Blob;
    const body = init.body && !isFile ? (JSON.parse(String(init.body)) as Record<string, unknown>) : {};
    if (!this.isUp) throw new TypeError('Failed to fetch');
    this.requests.push({ method, path: pathname, body });
    const key = `${method} ${pathname}`;
    if (key in this.answers) return this.answer(method, pathname, this.answers[key]);
    if (key === 'GET /v3/sessions') {
      const wanted = searchParams.get('q') ?? '';
      return this.answer(method, pathname, { sessions: this.sessions.filter((session) => session.title.includes(wanted)), nextCursor: null });
    }
    if (key === 'POST /v3/sessions') return this.refusals[key] ? this.answer(method, pathname, {}) : this.answer(method, pathname, this.addSession(body as Partial<Session>));
    if (key === 'POST /v3/attachments') {
      const name = searchParams.get('name') ?? '';
      return this.answer(method, pathname, { id: `${name}-${'0'.repeat(20)}.png`, name, type: 'image/png', bytes: isFile ? (init.body as Blob).size : 0 });
    }
    if (key === 'GET /v3/models') return this.answer(method, pathname, { models: this.models, default: DEFAULT.id });
    if (key === 'GET /v3/trust') return this.answer(method, pathname, { path: '', state: 'untrusted', needed: false, sha256: '', asks: [], changes: [], problem: '' });
    return this.answer(method, pathname, { ok: true });
  }

  private answer(method: string, path: string, body: unknown): Response {
    const refusal = this.refusals[`${method} ${path}`];
    if (!refusal) return Response.json(body);
    const [status, code, message, details] = refusal;
    return Response.json({ error: { code, message, ...(details ? { details } : {}) } }, { status });
  }
}

export class TestSocket {
  onopen: (() => void) | null = null;
  onmessage: ((message: { data: string }) => void) | null = null;
  onclose: (() => void) | null = null;
  isOpen = false;
  // A silent connection is open, but nothing arrives: a laptop that slept, a cable that was pulled.
  isSilent = false;
  private sent = 0;
  private timers: ReturnType<typeof setInterval>[] = [];

  constructor(
    private readonly gateway: TestGateway,
    readonly url: string,
  ) {
    gateway.sockets.push(this);
    setTimeout(() => this.accept(), 1);
  }

  get query(): URLSearchParams {
    return new URL(this.url).searchParams;
  }

  close(): void {
    this.isOpen = false;
    this.timers.forEach(clearInterval);
  }

  drop(): void {
    if (!this.isOpen) return;
    this.close();
    this.onclose?.();
  }

  push(): void {
    if (!this.isOpen || this.isSilent) return;
    const { pathname } = new URL(this.url);
    const lines = this.gateway.lines(pathname).slice(this.sent);
    if (!lines.length) return;
    this.sent += lines.length;
    this.send(pathname === '/v3/events' ? [...lines, this.cursor()] : lines);
  }

  send(lines: string[]): void {
    if (this.isOpen && !this.isSilent) this.onmessage?.({ data: lines.join('\n') });
  }

  private accept(): void {
    if (!this.gateway.isUp) {
      this.onclose?.();
      return;
    }
    this.isOpen = true;
    this.onopen?.();
    this.timers.push(setInterval(() => this.send(['{"control":"ping"}']), PINGS_MS));
    if (this.query.get('metrics') === '1') this.timers.push(setInterval(() => this.sendMetrics(), METRICS_MS));
    if (new URL(this.url).pathname !== '/v3/events') this.sent = Number(this.query.get('afterSeq'));
    else {
      const [epoch, number] = (this.query.get('cursor') ?? '').split('.');
      const isKnown = epoch === this.gateway.epoch;
      this.sent = isKnown ? Number(number) : this.gateway.lines('/v3/events').length;
      if (!isKnown) this.send(['{"control":"reset","lastSeq":{}}', this.cursor()]);
    }
    this.push();
  }

  private sendMetrics(): void {
    const { metrics, health, sessions } = this.gateway;
    this.send([JSON.stringify({ control: 'metrics', metrics: { ...metrics, sessions: sessions.length }, health })]);
  }

  private cursor(): string {
    return JSON.stringify({ control: 'cursor', cursor: `${this.gateway.epoch}.${this.sent}` });
  }
}
