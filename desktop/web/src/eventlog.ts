// A client of one live stream: every stored line once, in order, across every disconnect.

export interface Source {
  // The stream's address after `seq`; asked anew for every connection, since port and token change.
  url(afterSeq: number): Promise<string>;
}

export type Connection = 'connecting' | 'connected' | 'reconnecting' | 'disconnected';

const BACKOFF_MS = 250;
const BACKOFF_MS_MAX = 15_000;
// The server pings every five seconds.
const SILENCE_MS = 12_000;
const HIDDEN_FLUSH_MS = 1_000;

export class EventLog {
  lastSeq: number;
  private socket: WebSocket | null = null;
  private attempt = 0;
  private retry = 0;
  private watchdog = 0;
  private closed = false;
  private waiting: string[] = [];
  private flushing = false;

  constructor(
    private readonly source: Source,
    afterSeq: number,
    private readonly onLines: (lines: string[]) => void,
    private readonly onConnection: (state: Connection, retryInMs: number) => void,
  ) {
    this.lastSeq = afterSeq;
  }

  start(): void {
    void this.connect();
  }

  // Something tells that a connection could work now: try at once.
  kick(): void {
    if (!this.closed && !this.socket) {
      window.clearTimeout(this.retry);
      void this.connect();
    }
  }

  close(): void {
    this.closed = true;
    window.clearTimeout(this.retry);
    window.clearTimeout(this.watchdog);
    this.socket?.close();
    this.socket = null;
  }

  private async connect(): Promise<void> {
    this.onConnection(this.attempt ? 'reconnecting' : 'connecting', 0);
    let socket: WebSocket;
    try {
      socket = new WebSocket(await this.source.url(this.lastSeq));
    } catch {
      this.again();
      return;
    }
    if (this.closed) {
      socket.close();
      return;
    }
    this.socket = socket;
    socket.onopen = () => {
      this.onConnection('connected', 0);
      this.feedWatchdog();
    };
    socket.onmessage = (message) => {
      if (this.socket === socket) this.take(String(message.data));
    };
    socket.onclose = () => {
      if (this.socket === socket) this.lost();
    };
  }

  private take(frame: string): void {
    this.feedWatchdog();
    for (const line of frame.split('\n')) {
      if (!line.startsWith('{"seq":')) continue;
      const seq = Number.parseInt(line.slice(7), 10);
      if (seq <= this.lastSeq) continue;
      if (seq !== this.lastSeq + 1) {
        // Never apply past a hole: ask again from the last whole point.
        this.attempt = 0;
        this.socket?.close();
        this.lost();
        return;
      }
      this.lastSeq = seq;
      this.attempt = 0;
      this.waiting.push(line);
    }
    this.schedule();
  }

  private schedule(): void {
    if (this.flushing || !this.waiting.length) return;
    this.flushing = true;
    const flush = () => {
      this.flushing = false;
      const lines = this.waiting;
      this.waiting = [];
      this.onLines(lines);
    };
    if (document.hidden) window.setTimeout(flush, HIDDEN_FLUSH_MS);
    else requestAnimationFrame(flush);
  }

  private lost(): void {
    this.socket = null;
    window.clearTimeout(this.watchdog);
    if (!this.closed) this.again();
  }

  private again(): void {
    this.attempt += 1;
    const most = Math.min(BACKOFF_MS_MAX, BACKOFF_MS * 2 ** Math.min(this.attempt - 1, 10));
    const delay = 50 + Math.random() * most;
    this.onConnection(this.attempt > 8 ? 'disconnected' : 'reconnecting', delay);
    window.clearTimeout(this.retry);
    this.retry = window.setTimeout(() => void this.connect(), delay);
  }

  private feedWatchdog(): void {
    window.clearTimeout(this.watchdog);
    this.watchdog = window.setTimeout(() => {
      this.socket?.close();
      if (this.socket) this.lost();
    }, SILENCE_MS);
  }
}
