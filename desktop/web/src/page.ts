// The page without a screen: owns the store and both live streams, and asks the daemon. Actions use it, React draws its store.

import { ChildAsks } from './child_asks';
import { missingOf } from './boot';
import type { Bridge } from './bridge';
import type { Daemon } from './daemon';
import { DaemonError } from './http_connection';
import { Delegated, type News, newsOf } from './news';
import { type MetricsLine, withoutFigures, withRoundTrip } from './figures';
import type { Session } from './protocol';
import { type Moved, movedBy } from './put_away';
import { Kept } from './kept';
import { changedNames, restoredState, storedOf } from './kept_state';
import { afterLook, type Remembered } from './remembered';
import { type Known, SessionPages } from './session_pages';
import { createQueries } from './queries';
import { differsInSettings, differsInSheet, type Route, type SheetName, withSettings, withSheet } from './routes';
import { afterLines, afterMetrics, afterOpening, createPageStore, isMessageBegun, type State, windowName } from './state';
import { EventLog } from './streams/eventlog';
import { type Control, GlobalPosition, SessionPosition } from './streams/position';
import { Refresh } from './streams/refresh';
import { revealOf } from './reveal';
import type { FocusTarget, NotifyState, Screen } from './screen';
import { Transcript, type Turn } from './transcript';
import { TurnSignals } from './turn_signals';
import { PageProblem, say } from './strings/spoken';

// Every event but a delta may change a session's row in the list.
const CHANGES_LIST = /^\{"seq":\d+,"event":"(?!turn\.token|turn\.thinking|tool\.output)/;

// A session with more lines is not replayed line by line: what its end holds is shown at once, and the rest when the daemon has folded it.
const REPLAYED_MAX = 1_000;
const TAIL_LINES = 3_000;

export class Page {
  readonly store = createPageStore();
  readonly kept = new Kept();
  readonly turns = new TurnSignals();
  readonly queries = createQueries();
  private readonly globalLog: EventLog;
  private sessionLog: EventLog | null = null;
  private readonly sessions = new Refresh(() => this.readSessions());
  private readonly pages: SessionPages;
  private readonly models = new Refresh(async () => this.set({ models: (await this.daemon.models()).models }));
  private readonly delegated = new Delegated();
  private readonly asks = new ChildAsks(this);
  // What the address named when the page was loaded, shown once the list is there.
  private wanted: Route | null = null;

  constructor(
    readonly daemon: Daemon,
    readonly screen: Screen,
    readonly bridge: Bridge,
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
          const moved = movedBy(line);
          if (moved) this.hear(moved);
          this.delegated.take(line);
          const news = this.delegated.isEnd(line) ? null : newsOf(line);
          if (news) this.tell(news);
        }
      },
      onControl: (control: Control) => {
        if (control.control === 'reset') this.reload();
        if (control.control === 'metrics') this.set(afterMetrics(this.state, control as unknown as MetricsLine, Date.now()));
      },
      onConnection: (globalConnection: State['globalConnection'], retryInMs: number, attempts: number, error?: unknown) => {
        this.set({ globalConnection, retryInMs, attempts });
        // Figures of a daemon that is out of reach are not shown as if they were current.
        if (globalConnection !== 'connected') this.set({ figures: withoutFigures(this.state.figures) });
        if (globalConnection === 'connected') {
          this.set({ missing: 'nobody', isStarting: false });
          // What could not be read without the daemon is read now.
          void this.queries.invalidateQueries({ predicate: (query) => query.state.status === 'error' });
        }
        // Who is missing is known when an attempt has failed, which is when the next one is due.
        else if (retryInMs) this.set({ missing: missingOf(error) });
      },
    };
    this.globalLog = new EventLog(stream, new GlobalPosition(), screen.nextFrame);
    this.pages = new SessionPages(daemon);
    this.set(restoredState((name) => screen.stored(name), new Date()));
    this.store.subscribe((state, before) => {
      if (state.route !== before.route) screen.go(state.route);
      for (const name of changedNames(state, before)) screen.store(name, storedOf(state, name));
      if (state.overrides !== before.overrides && state.selected === before.selected) this.set({ chosen: { ...state.chosen, [state.selected]: state.overrides } });
      if (state.sessions !== before.sessions || state.waiting !== before.waiting || state.selected !== before.selected || state.transcript !== before.transcript)
        screen.name(...windowName(state));
      if (state.sessions !== before.sessions || state.selected !== before.selected) this.look();
    });
  }

  get state(): State {
    return this.store.getState();
  }

  // The time of what is shown, in milliseconds.
  now(): number {
    return Date.now();
  }

  // A change that changes nothing tells nobody.
  set(change: Partial<State>): void {
    const { state } = this;
    if (Object.entries(change).some(([name, value]) => !Object.is(state[name as keyof State], value))) this.store.setState(change);
  }

  // Connect, and show what the address names. Retries for as long as the daemon is away.
  start(wanted: Route): void {
    this.wanted = wanted;
    // A sheet may be what helps while the daemon does not answer, and settings need no session.
    if (wanted.sheet || wanted.settings) this.set({ route: wanted });
    this.globalLog.start();
  }

  close(): void {
    this.endPlayback();
    this.globalLog.close();
    this.sessionLog?.close();
  }

  // The network or the window came back.
  kick(): void {
    this.globalLog.kick();
    this.sessionLog?.kick();
    this.look();
  }

  // Both streams anew, where nothing says that they are broken. No line is lost or shown twice.
  reconnect(): void {
    this.globalLog.renew();
    this.sessionLog?.renew();
  }

  remember(change: Partial<Remembered>): void {
    this.set({ remembered: { ...this.state.remembered, ...change } });
  }

  // What the open session shows was seen, if the window is.
  private look(): void {
    const { sessions, selected } = this.state;
    const open = sessions.find(({ id }) => id === selected);
    if (open && this.screen.isSeen()) this.set({ remembered: afterLook(this.state.remembered, open) });
  }

  // Connect with a code from the terminal, or the whole address that it prints.
  async connect(pasted: string): Promise<void> {
    const code = /[?&]launch=([^&#\s]+)/.exec(pasted)?.[1] ?? pasted.trim();
    await this.bridge.redeem(decodeURIComponent(code));
    this.set({ missing: 'nobody', problem: '' });
    this.kick();
  }

  focus(target: FocusTarget): boolean {
    return this.screen.focus(target);
  }

  fits(panel: 'telemetry'): boolean {
    return this.screen.fits(panel);
  }

  // Measure how long the daemon takes for an empty answer.
  async measureRoundTrip(): Promise<void> {
    try {
      this.set({ figures: withRoundTrip(this.state.figures, await this.daemon.roundTrip()) });
    } catch {
      this.set({ figures: withRoundTrip(this.state.figures, null) });
    }
  }

  // Put words into the clipboard.
  copy(text: string): Promise<void> {
    return this.screen.copy(text);
  }

  // The whole address of what a route names.
  address(route: Route): string {
    return this.screen.address(route);
  }

  askToNotify(): Promise<boolean> {
    return this.screen.askToNotify();
  }

  mayNotify(): NotifyState {
    return this.screen.mayNotify();
  }

  save(name: string, content: Blob): void {
    this.screen.save(name, content);
  }

  report(error: unknown): void {
    // What the page itself finds is in the person's language; all else is in the daemon's or the browser's.
    this.set({ problem: error instanceof Error ? error.message : String(error), isProblemForeign: !(error instanceof PageProblem) });
  }

  // Show what an address names.
  show(route: Route): void {
    this.endPlayback();
    if (differsInSheet(this.state.route, route)) this.set({ route });
    else if (differsInSettings(this.state.route, route)) this.set({ route: withSettings(this.state.route, route.settings) });
    else if (route.view === 'session' && route.sid === this.state.selected && this.sessionLog) {
      this.wanted = null;
      this.set({ route, reveal: revealOf(route) ?? { at: 'end' } });
    } else if (route.view === 'new') this.open('', route);
    else this.open(route.sid, route);
  }

  // Open or close a sheet over what is shown. The address names it.
  showSheet(sheet: SheetName | undefined): void {
    if (this.wanted) this.wanted = withSheet(this.wanted, sheet);
    this.set({ route: withSheet(this.state.route, sheet) });
  }

  // The address of a session, or of none, under the sheet that is open.
  private routeOf(sid: string): Route {
    const { sheet, settings } = this.state.route;
    return withSettings(withSheet(sid ? { view: 'session', sid } : { view: 'new' }, sheet), settings);
  }

  // Leave the open session and follow another one; '' follows none. A sheet stays open.
  open(sid: string, route: Route = this.routeOf(sid)): void {
    this.wanted = null;
    this.endPlayback();
    this.sessionLog?.close();
    this.sessionLog = null;
    this.set({ ...afterOpening(sid), route, reveal: revealOf(route), overrides: this.state.chosen[sid] ?? {} });
    if (!sid) return;
    void this.restore(sid);
  }

  // Leave the playback for the session as it is now, which went on being followed meanwhile.
  endPlayback(): void {
    this.state.playback?.close();
    this.set({ playback: null });
  }

  // A short session is replayed. A long one begins with its last turns, and gets the others when the daemon has folded them.
  private async restore(sid: string): Promise<void> {
    const isLeft = () => this.state.selected !== sid || this.sessionLog !== null;
    let from = 0;
    try {
      const known = this.state.sessions.find((each) => each.id === sid);
      // The list may be older than the journal, and names no sub-agents.
      const session = known?.lastSeq ? known : await this.daemon.about(sid);
      if (session.lastSeq >= REPLAYED_MAX) {
        const whole = this.daemon.session(sid);
        whole.catch(() => undefined);
        const tail = await this.readTail(session).catch(() => null);
        if (isLeft()) return;
        if (tail?.turns.length) this.set({ transcript: tail, version: tail.lastSeq, earlier: Math.max(0, session.turns - tail.turns.length) });
        const restored = Transcript.from((await whole).transcript);
        if (isLeft()) return;
        from = restored.lastSeq;
        this.set({ transcript: restored, version: from, earlier: 0 });
      }
    } catch (error) {
      // There is nothing to follow. After any other failure it is replayed, again and again until the daemon answers.
      if (error instanceof DaemonError && error.status === 404) {
        if (!isLeft()) this.set({ gone: sid });
        return;
      }
    }
    if (!isLeft()) this.follow(sid, from);
  }

  // The last turns of a session, without those before.
  private async readTail(session: Session): Promise<Transcript> {
    return Transcript.of(session, await this.daemon.eventsAfter(session.id, Math.max(0, session.lastSeq - TAIL_LINES), TAIL_LINES));
  }

  private follow(sid: string, from: number): void {
    const stream = {
      url: (query: string) => this.daemon.streamUrl(`/v3/sessions/${sid}/stream`, query),
      onLines: (lines: string[]) => {
        const { version } = this.state;
        const changed = new Set<Turn>();
        this.set(afterLines(this.state, lines, changed));
        this.turns.tell(changed);
        if (this.state.version !== version) void this.asks.read(sid);
      },
      onControl: () => undefined,
      onConnection: (sessionConnection: State['sessionConnection'], retryInMs: number) => this.set({ sessionConnection, retryInMs }),
    };
    this.sessionLog = new EventLog(stream, new SessionPosition(from), this.screen.nextFrame);
    this.sessionLog.start();
    // What was folded already may hold open questions of sub-agents.
    void this.asks.read(sid);
  }

  // A session left the list, or came back to it, by whoever's hand.
  private hear({ sid, to }: Moved): void {
    if (to !== 'listed') this.setKnown(this.pages.forget(sid));
    if (to === 'away' && sid === this.state.selected) this.set({ gone: sid });
    if (to === 'listed' && sid === this.state.gone) this.open(sid, this.state.route);
  }

  // Read the list of sessions again, until that succeeds.
  refreshSessions(): void {
    this.sessions.soon(0);
  }

  // Read the next page of the list.
  async moreSessions(): Promise<void> {
    const known = await this.pages.more();
    if (known) this.setKnown(known);
  }

  private setKnown({ sessions, waiting, hasMore }: Known): void {
    this.set({ sessions, waiting, hasMoreSessions: hasMore });
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

  private tell(news: News): void {
    if (this.state.choices.notify === 'off') return;
    const title = this.state.sessions.find((session) => session.id === news.sid)?.title || `s-${news.sid}`;
    this.screen.notify(say('news')('title', { session: title }), news.text, { view: 'session', sid: news.sid });
  }

  // The gateway is new to this page: nothing that was read from it before is certain.
  private reload(): void {
    this.sessions.soon(0);
    this.models.soon(0);
  }

  private async readSessions(): Promise<void> {
    const known = await this.pages.read(this.state.filter);
    if (!known) return;
    this.setKnown(known);
    this.set({ sessionsRead: true });
    // Lists that are not part of the state: sub-agents, archive, trash.
    void this.queries.invalidateQueries({ queryKey: ['sessions'] });
    const { sessions } = known;
    const { wanted } = this;
    if (wanted === null) return;
    this.wanted = null;
    // A message that was begun meanwhile is for a new session.
    if (isMessageBegun(this.state)) return;
    const { isRailOpen } = this.state;
    if (wanted.view === 'session' && wanted.sid) this.open(wanted.sid, wanted);
    else if (wanted.view === 'new') this.open('', wanted);
    else if (sessions[0]) this.open(sessions[0].id);
    // Nobody chose it from the drawer, which stays open for who opened it meanwhile.
    this.set({ isRailOpen });
  }
}
