// In-process twin of the gateway: answers `fetch` and `WebSocket` as it does, and keeps every request.

import { vi } from 'vitest';
import type { ErrorCode, FolderList, Health, Metrics, ModelInfo, Session } from '../protocol';

interface Recorded {
  method: string;
  path: string;
  body: Record<string, unknown>;
}

const METRICS: Metrics = { sessions: 0, turnsRunning: 0, turnsQueued: 0, tokensPerSec: 0, tools: {}, lmx: {}, memory: {}, streams: 0 };
const DEFAULT: ModelInfo = { id: 'lmx/probe', provider: 'lmx', name: 'probe', healthy: true, default: true };
const OTHER: ModelInfo = { id: 'lmx/qwen', provider: 'lmx', name: 'qwen', healthy: true };
const HEALTH: Health = { status: 'ok', version: '1', daemonId: 'd', uptime: 61, contract: { name: 'opta-daemon-v3', version: 1 }, sandbox: 'full' };
const HOME = '/home/ada';
const PINGS_MS = 5_000;
const METRICS_MS = 1_000;

export class TestGateway {
  requests: Recorded[] = [];
  sessions: Session[] = [];
  trash: Session[] = [];
  // Folders of the machine.
  paths: string[] = [];
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
    this.append(session.id, { event: 'session.start', title: session.title, cwd: session.cwd, mode: session.mode, level: session.level, ...('policy' in fields ? { policy: fields.policy } : {}) });
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

  // The gateway is killed, and stays down until `isUp`.
  stop(): void {
    this.isUp = false;
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
      return this.answer(method, pathname, this.list(searchParams));
    }
    if (key === 'GET /v3/put-away') return this.answer(method, pathname, { sessions: searchParams.get('where') === 'trash' ? this.trash : [], nextCursor: null });
    const [, sid = '', verb] = /^\/v3\/(?:sessions|put-away)\/(\w+)(\/restore)?$/.exec(pathname) ?? [];
    if (verb && method === 'POST') return this.answer(method, pathname, this.restored(sid));
    if (sid && method === 'PATCH' && !this.refusals[key]) return this.answer(method, pathname, this.updated(sid, body));
    if (sid && method === 'DELETE' && !this.refusals[key]) {
      const session = this.updated(sid, { trashed: true });
      this.sessions = this.sessions.filter(({ id }) => id !== sid);
      this.trash = [session, ...this.trash];
      return this.answer(method, pathname, { ok: true });
    }
    if (key === 'GET /v3/folders') return this.answer(method, pathname, this.folders(searchParams.get('path') || HOME, searchParams.get('prefix') ?? ''));
    if (key === 'GET /v3/folders/suggested') return this.answer(method, pathname, { home: HOME, folders: [] });
    if (key === 'GET /v3/models/found') return this.answer(method, pathname, { models: [], problems: [], here: [], offers: [], available: 0, tokens: 32_768 });
    if (key === 'GET /v3/lmx/models') return this.answer(method, pathname, { models: [], pulls: [] });
    if (key === 'POST /v3/sessions') return this.refusals[key] ? this.answer(method, pathname, {}) : this.answer(method, pathname, this.addSession(body as Partial<Session>));
    if (key === 'POST /v3/attachments') {
      const name = searchParams.get('name') ?? '';
      return this.answer(method, pathname, { id: `${name}-${'0'.repeat(20)}.png`, name, type: 'image/png', bytes: isFile ? (init.body as Blob).size : 0 });
    }
    const journal = method === 'GET' ? /^\/v3\/sessions\/(\w+)\/events$/.exec(pathname) : null;
    if (journal) {
      const events = (this.journals.get(journal[1] ?? '') ?? []).map((line) => JSON.parse(line)).filter((event) => event.seq > Number(searchParams.get('afterSeq')));
      return this.answer(method, pathname, { events: events.slice(0, Number(searchParams.get('limit'))), lastSeq: events.at(-1)?.seq ?? 0 });
    }
    if (key === 'GET /v3/models') return this.answer(method, pathname, { models: this.models, default: DEFAULT.id });
    if (key === 'GET /v3/trust') return this.answer(method, pathname, { path: '', state: 'untrusted', needed: false, sha256: '', asks: [], changes: [], problem: '' });
    return this.answer(method, pathname, { ok: true });
  }

  // Pages of the list, as the daemon makes them.
  private list(asked: URLSearchParams): { sessions: Session[]; nextCursor: string | null } {
    const [q, state, archived, parent, cursor] = ['q', 'state', 'archived', 'parent', 'cursor'].map((name) => asked.get(name) ?? '') as [string, string, string, string, string];
    const found = this.sessions.filter(
      (session) =>
        session.title.includes(q) &&
        (!state || session.state === state) &&
        (!archived || session.archived === (archived === '1')) &&
        (!asked.has('pinned') || session.pinned) &&
        (parent ? session.parent === parent && session.parentCall : !session.parentCall),
    );
    const from = cursor ? found.findIndex(({ id }) => id === cursor) + 1 : 0;
    const limit = Number(asked.get('limit') ?? 50);
    const page = found.slice(from, from + limit);
    return { sessions: page, nextCursor: found.length > from + limit ? (page.at(-1)?.id ?? null) : null };
  }

  private updated(sid: string, changes: Record<string, unknown>): Session {
    const session = this.sessions.find(({ id }) => id === sid);
    if (!session) throw new Error(`no session ${sid}`);
    Object.assign(session, changes);
    this.append(sid, { event: 'session.updated', changes });
    return session;
  }

  private restored(sid: string): Session | undefined {
    const session = this.trash.find(({ id }) => id === sid);
    if (!session) return undefined;
    this.trash = this.trash.filter(({ id }) => id !== sid);
    this.sessions = [session, ...this.sessions];
    this.append(sid, { event: 'session.updated', changes: { trashed: false } });
    return session;
  }

  private folders(path: string, prefix: string): FolderList {
    const below = this.paths.filter((each) => each.slice(0, each.lastIndexOf('/')) === path && each.slice(path.length + 1).startsWith(prefix));
    const folders = below.map((each) => ({ name: each.slice(path.length + 1), path: each, isRepository: each.endsWith('.git') }));
    return { path, parent: path.slice(0, path.lastIndexOf('/')), home: HOME, folders, problem: path === '/' ? 'It is the root of the file system.' : '' };
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
