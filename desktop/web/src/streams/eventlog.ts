// Client of one live stream: delivers every stored line once and in order, across every disconnect.
// Used for the stream of a session and for the stream of all sessions; `Position` holds the difference.

import type { Control, Position } from './position';

export type Connection = 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

export interface Stream {
  // The address of the stream from `query` on. Called for each connection, because port and token change.
  url(query: string): Promise<string>;
  // New lines in order, at most once a frame.
  onLines(lines: string[]): void;
  onControl(control: Control): void;
  // `failed`: attempts that failed since the last line came. `error` says why the last one did, if the page could not even ask.
  onConnection(state: Connection, retryInMs: number, failed: number, error?: unknown): void;
}

const BACKOFF_MS = 250;
const BACKOFF_MS_MAX = 15_000;
const BACKOFF_MS_MIN = 50;
// After these failed attempts, about a second, the stream counts as disconnected: a process that restarts misses fewer. It still retries.
export const QUIET_ATTEMPTS = 4;
// The server pings every five seconds, so a longer silence means a dead connection, even if no one closed it.
const SILENCE_MS = 12_000;
const LATE_MS = 1_000;

type Timer = ReturnType<typeof setTimeout>;

export class EventLog {
  private socket: WebSocket | null = null;
  // Counts connections, so that a late answer of an abandoned one is ignored.
  private connection = 0;
  private attempt = 0;
  private retry: Timer | undefined;
  private watchdog: Timer | undefined;
  private isClosed = false;
  private pending: string[] = [];

  constructor(
    private readonly stream: Stream,
    private readonly position: Position,
    private readonly nextFrame: (run: () => void) => void,
  ) {}

  start(): void {
    void this.connect();
  }

  // Retry now instead of after the backoff: the network or the window came back.
  kick(): void {
    if (this.retry !== undefined) void this.connect();
  }

  // Give this connection up and make a new one; it goes on after the last line.
  renew(): void {
    if (!this.isClosed) void this.connect();
  }

  close(): void {
    this.isClosed = true;
    this.pending = [];
    this.abandon();
  }

  private async connect(): Promise<void> {
    this.abandon();
    const connection = this.connection;
    // The watchdog also covers a connection that never opens.
    this.restartWatchdog();
    this.stream.onConnection(!this.attempt ? 'connecting' : this.attempt < QUIET_ATTEMPTS ? 'reconnecting' : 'disconnected', 0, this.attempt);
    let url: string;
    try {
      url = await this.stream.url(this.position.query);
    } catch (error) {
      if (connection === this.connection) this.reconnect(error);
      return;
    }
    if (connection !== this.connection) return;
    const socket = new WebSocket(url);
    this.socket = socket;
    const ifCurrent = (run: () => void) => () => {
      if (connection === this.connection) run();
    };
    socket.onopen = ifCurrent(() => {
      this.restartWatchdog();
      this.stream.onConnection('connected', 0, 0);
    });
    socket.onmessage = (message) => {
      if (connection === this.connection) this.take(String(message.data));
    };
    socket.onclose = ifCurrent(() => this.reconnect());
  }

  private take(frame: string): void {
    this.restartWatchdog();
    this.attempt = 0;
    for (const line of frame.split('\n')) {
      if (line.startsWith('{"seq":')) {
        const found = this.position.take(line);
        if (found === 'gap') {
          // Never apply an event after a gap: resume from the last complete point.
          this.reconnect();
          return;
        }
        if (found === 'new') this.deliver(line);
      } else if (line.startsWith('{"control":')) {
        const control = JSON.parse(line) as Control;
        this.position.note(control);
        this.stream.onControl(control);
      }
    }
  }

  private deliver(line: string): void {
    this.pending.push(line);
    if (this.pending.length > 1) return;
    this.nextFrame(() => {
      const lines = this.pending;
      this.pending = [];
      if (lines.length) this.stream.onLines(lines);
    });
  }

  private reconnect(error?: unknown): void {
    this.abandon();
    if (this.isClosed) return;
    this.attempt += 1;
    const longest = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** (this.attempt - 1));
    const delay = BACKOFF_MS_MIN + Math.random() * longest;
    this.retry = setTimeout(() => void this.connect(), delay);
    this.stream.onConnection(this.attempt < QUIET_ATTEMPTS ? 'reconnecting' : 'disconnected', delay, this.attempt, error);
  }

  private abandon(): void {
    this.connection += 1;
    clearTimeout(this.retry);
    clearTimeout(this.watchdog);
    this.retry = undefined;
    this.socket?.close();
    this.socket = null;
  }

  private restartWatchdog(): void {
    clearTimeout(this.watchdog);
    const due = Date.now() + SILENCE_MS;
    this.watchdog = setTimeout(() => {
      // A late timer means that the page itself stood still. Frames may wait to be handled, so they get a moment.
      if (Date.now() - due < LATE_MS) this.reconnect();
      else this.watchdog = setTimeout(() => this.reconnect(), LATE_MS);
    }, SILENCE_MS);
  }
}
