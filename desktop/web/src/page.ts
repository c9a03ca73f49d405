// The page without a screen: owns the store and both live streams, and asks the daemon. Actions use it, React draws its store.

import { askOf, isSamePlace, openAsks } from './child_asks';
import { type Daemon, DaemonError } from './daemon';
import { Delegated, type News, newsOf } from './news';
import { Kept } from './kept';
import { afterLines, afterMetrics, afterOpening, createPageStore, isMessageBegun, type MetricsLine, type State, windowName } from './state';
import { EventLog } from './streams/eventlog';
import { type Control, GlobalPosition, SessionPosition } from './streams/position';
import { Refresh } from './streams/refresh';
import { Transcript } from './transcript';

// Every event but a delta may change a session's row in the list.
const CHANGES_LIST = /^\{"seq":\d+,"event":"(?!turn\.token|turn\.thinking|tool\.output)/;

// A session with more lines is not replayed line by line.
const REPLAYED_MAX = 1_000;

export type FocusTarget = 'composer' | 'search';

// What the page needs of a browser window.
export interface Screen {
  focus(target: FocusTarget): void;
  // Run before the next frame is drawn, or soon when nothing is drawn.
  nextFrame(run: () => void): void;
  // Tell the person, if they allowed it and do not look at the page.
  notify(title: string, text: string): void;
  // Ask whether notifications may be shown; whether they may.
  askToNotify(): Promise<boolean>;
  // Trade a code from the terminal for this window's key.
  redeem(code: string): Promise<void>;
  // Name the window, and mark it when `needsYou` sessions wait for the person.
  name(title: string, needsYou: number): void;
  // Unsent texts by session, kept through a reload of the window.
  drafts(): Record<string, string>;
  keepDrafts(drafts: Record<string, string>): void;
  // Let the person keep a file.
  save(name: string, content: Blob): void;
}

export class Page {
  readonly store = createPageStore();
  readonly kept = new Kept();
  private readonly globalLog: EventLog;
  private sessionLog: EventLog | null = null;
  private readonly sessions = new Refresh(() => this.readSessions());
  private readonly models = new Refresh(async () => this.set({ models: (await this.daemon.models()).models }));
  private readonly delegated = new Delegated();
  private readonly asksInFlight = new Set<string>();
  // The session named by the address, opened once the list is there.
  private wanted: string | null = null;

  constructor(
    readonly daemon: Daemon,
    private readonly screen: Screen,
  ) {
    const stream = {
      url: async (query: string) => {
        const url = await daemon.streamUrl('/v3/events', `${query}&metrics=1`);
        this.set({ port: Number(new URL(url).port) });
        return url;
      },
      onLines: (lines: string[]) => {
        if (lines.some((line) => CHANGES_LIST.test(line))) this.sessions.soon();
        for (const line of lines) {
          this.delegated.take(line);
          const news = this.delegated.isEnd(line) ? null : newsOf(line);
          if (news) this.tell(news);
        }
      },
      onControl: (control: Control) => {
        if (control.control === 'reset') this.reload();
        if (control.control === 'metrics') this.set(afterMetrics(this.state, control as unknown as MetricsLine));
      },
      onConnection: (globalConnection: State['globalConnection'], retryInMs: number, error?: unknown) => {
        this.set({ globalConnection, retryInMs });
        // Figures of a daemon that is out of reach are not shown as if they were current.
        if (globalConnection !== 'connected') this.set({ metrics: null });
        // Only a person can help then; all other failures end by themselves.
        if (error instanceof DaemonError && error.status === 401) this.set({ needsKey: true });
        else if (globalConnection === 'connected') this.set({ needsKey: false });
      },
    };
    this.globalLog = new EventLog(stream, new GlobalPosition(), screen.nextFrame);
    this.set({ drafts: screen.drafts() });
    this.store.subscribe((state, before) => {
      if (state.drafts !== before.drafts) screen.keepDrafts(state.drafts);
      if (state.sessions !== before.sessions || state.selected !== before.selected) screen.name(...windowName(state));
    });
  }

  get state(): State {
    return this.store.getState();
  }

  set(change: Partial<State>): void {
    this.store.setState(change);
  }

  // Connect, and open session `wanted`, else the newest. Retries for as long as the daemon is away.
  start(wanted: string): void {
    this.wanted = wanted;
    this.globalLog.start();
  }

  close(): void {
    this.globalLog.close();
    this.sessionLog?.close();
  }

  // The network or the window came back.
  kick(): void {
    this.globalLog.kick();
    this.sessionLog?.kick();
  }

  // Connect with a code from the terminal, or the whole address that it prints.
  async connect(pasted: string): Promise<void> {
    const code = /[?&]launch=([^&#\s]+)/.exec(pasted)?.[1] ?? pasted.trim();
    await this.screen.redeem(decodeURIComponent(code));
    this.set({ needsKey: false, problem: '' });
    this.kick();
  }

  focus(target: FocusTarget): void {
    this.screen.focus(target);
  }

  askToNotify(): Promise<boolean> {
    return this.screen.askToNotify();
  }

  save(name: string, content: Blob): void {
    this.screen.save(name, content);
  }

  report(error: unknown): void {
    this.set({ problem: error instanceof Error ? error.message : String(error) });
  }

  // Leave the open session and follow another one; '' follows none.
  open(sid: string): void {
    this.wanted = null;
    this.sessionLog?.close();
    this.sessionLog = null;
    this.set(afterOpening(sid));
    if (!sid) return;
    const known = this.state.sessions.find((session) => session.id === sid);
    if ((known?.lastSeq ?? 0) < REPLAYED_MAX) this.follow(sid, 0);
    else void this.restore(sid);
  }

  // A long session begins with what the daemon has folded already.
  private async restore(sid: string): Promise<void> {
    let from = 0;
    try {
      const { transcript } = await this.daemon.session(sid);
      if (this.state.selected !== sid || this.sessionLog) return;
      const restored = Transcript.from(transcript);
      from = restored.lastSeq;
      this.set({ transcript: restored, version: from });
    } catch {
      // It is replayed instead, again and again until the daemon answers.
      if (this.state.selected !== sid || this.sessionLog) return;
    }
    this.follow(sid, from);
  }

  private follow(sid: string, from: number): void {
    const stream = {
      url: (query: string) => this.daemon.streamUrl(`/v3/sessions/${sid}/stream`, query),
      onLines: (lines: string[]) => {
        this.set(afterLines(this.state, lines));
        void this.readAsks(sid);
      },
      onControl: () => undefined,
      onConnection: (sessionConnection: State['sessionConnection'], retryInMs: number) => this.set({ sessionConnection, retryInMs }),
    };
    this.sessionLog = new EventLog(stream, new SessionPosition(from), this.screen.nextFrame);
    this.sessionLog.start();
    // What was folded already may hold open questions of sub-agents.
    void this.readAsks(sid);
  }

  // Read the list of sessions again, until that succeeds.
  refreshSessions(): void {
    this.sessions.soon(0);
  }

  // Read the models again, until that succeeds.
  refreshModels(): void {
    this.models.soon(0);
  }

  // Ask which model servers run on this machine.
  async lookForServers(): Promise<void> {
    this.set({ isLookingForServers: true });
    try {
      this.set({ servers: (await this.daemon.discover()).servers });
    } finally {
      this.set({ isLookingForServers: false });
    }
  }

  // Read what the files of a folder ask for.
  async readTrust(cwd: string): Promise<void> {
    this.set({ trust: null });
    const trust = await this.daemon.trust(cwd);
    if (this.state.transcript.cwd === cwd) this.set({ trust });
  }

  // Read the questions of the open session's sub-agents that are new, and drop those that were answered.
  private async readAsks(sid: string): Promise<void> {
    const places = openAsks(this.state.transcript);
    const known = this.state.childAsks.filter((ask) => places.some((place) => isSamePlace(place, ask)));
    if (known.length !== this.state.childAsks.length) this.set({ childAsks: known });
    for (const place of places) {
      if (this.state.childAsks.some((ask) => isSamePlace(ask, place)) || this.asksInFlight.has(`${place.sid} ${place.seq}`)) continue;
      this.asksInFlight.add(`${place.sid} ${place.seq}`);
      try {
        const ask = askOf(place, await this.daemon.eventAt(place.sid, place.seq));
        if (ask && this.state.selected === sid && openAsks(this.state.transcript).some((open) => isSamePlace(open, ask))) this.set({ childAsks: [...this.state.childAsks, ask] });
      } catch (error) {
        this.report(error);
      } finally {
        this.asksInFlight.delete(`${place.sid} ${place.seq}`);
      }
    }
  }

  private tell(news: News): void {
    const title = this.state.sessions.find((session) => session.id === news.sid)?.title || `s-${news.sid}`;
    this.screen.notify(`Opta: ${title}`, news.text);
  }

  // The gateway is new to this page: nothing that was read from it before is certain.
  private reload(): void {
    this.sessions.soon(0);
    this.models.soon(0);
  }

  private async readSessions(): Promise<void> {
    const { filter } = this.state;
    const { sessions } = await this.daemon.sessions(filter);
    this.set({ sessions });
    if (this.wanted === null) return;
    const first = sessions.find((session) => session.id === this.wanted) ?? sessions[0];
    this.wanted = null;
    // A message that was begun meanwhile is for a new session.
    if (first && !isMessageBegun(this.state)) this.open(first.id);
  }
}
