// What the page knows, as a plain store: no DOM, no network. Functions here compute the next state; `Page` and the actions call them.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { AttachedFile } from './attached';
import { type Announcement, announcementOf } from './announcements';
import type { Missing } from './boot';
import type { ChildAsk } from './child_asks';
import type { Bindings } from './actions/keymap';
import { type Figures, type FirstToken, type MetricsLine, NO_FIGURES, withEvent, withMetrics } from './figures';
import type { AnyEvent, Diagnosis, DiscoveredServer, Health, ModelInfo, Session, SettingChange, TrustState } from './protocol';
import type { Playback } from './playback/playback';
import type { Connection } from './streams/eventlog';
import { type Remembered, remembered } from './remembered';
import type { Route } from './routes';
import type { Reveal } from './reveal';
import { planOf, Transcript, type Turn } from './transcript';

// Choices for the next message only; what is absent follows the session.
export interface Overrides {
  mode?: string;
  model?: string;
  level?: string;
}

export interface WorktreeAsked {
  action: 'merge' | 'drop';
  message: string;
}

// Why the dialog of folders is open: for a new session, for the message that was sent without one, or for another folder of an empty session.
export type FolderAsked = 'new' | 'send' | 'change';

export type RailView = 'sessions' | 'archived' | 'trash';

export interface State {
  // Newest first: the pages that were read, and those that are pinned or wait.
  sessions: Session[];
  // Those that wait for the person, whatever the filter.
  waiting: Session[];
  hasMoreSessions: boolean;
  // Whether the list has been read once since the page was loaded.
  sessionsRead: boolean;
  filter: string;
  // What the address names.
  route: Route;
  // The session of the route. '' while none is open; the first message then makes one.
  selected: string;
  // Mutable, and folded outside React. `version` grows with each event but pieces of text, so that selectors are asked again; what
  // draws a turn follows the turn itself (`useTurn`).
  transcript: Transcript;
  version: number;
  // Turns of the open session that are not read yet; they come before those of the transcript.
  earlier: number;
  // What the timeline is asked to show; null: where the person left it, or its end.
  reveal: Reveal | null;
  // The open session as it is played back from its journal; null: it is shown as it is now.
  playback: Playback | null;
  // The bar that finds words in the open session.
  isFindOpen: boolean;
  // The open session, when it is in the trash or does not exist; '' otherwise.
  gone: string;
  // Unsent text of each session's composer.
  drafts: Record<string, string>;
  // Files of each session's next message.
  attached: Record<string, AttachedFile[]>;
  // How many prompts back the composer shows one of the open session again; 0 for none.
  recalled: number;
  // A message began with this name behind a slash, and nobody has such a command: a person says what it is.
  unknownCommand: string;
  // The pill whose menu is open.
  openPill: keyof Overrides | '';
  isSending: boolean;
  overrides: Overrides;
  // The overrides of each session's next message, those of the open one included.
  chosen: Readonly<Record<string, Overrides>>;
  // Of the stream of the selected session, and of the stream of all sessions.
  sessionConnection: Connection;
  globalConnection: Connection;
  retryInMs: number;
  health: Health | null;
  figures: Figures;
  firstToken: FirstToken;
  port: number;
  models: ModelInfo[];
  // Model servers that run on this machine; null before the page has looked.
  servers: DiscoveredServer[] | null;
  isLookingForServers: boolean;
  isAddingServer: boolean;
  // The model that is being loaded, or asked for at the hub; '' for none.
  busyModel: string;
  // Questions of the open session's sub-agents, as they were read from their sessions.
  childAsks: ChildAsk[];
  // What the files of the open session's folder ask for, and the hash of the files whose question was put aside.
  trust: TrustState | null;
  trustPutAside: string;
  // The last diagnosis, of the open session; and what a replay says about the cause.
  diagnosis: Diagnosis | null;
  isDiagnosing: boolean;
  isFixing: boolean;
  replayed: { text: string; sid: string } | null;
  // Whether the first message of the open session begins one in a git worktree.
  wantsWorktree: boolean;
  // An end of the worktree that loses work, or changes more than files: a person says whether it is done all the same.
  worktreeAsked: WorktreeAsked | null;
  // Whether the drawer of a narrow window is open, and whether the window is narrow.
  isRailOpen: boolean;
  // Whether the files that the session changed are shown.
  areChangesOpen: boolean;
  // The column of the telemetry, where there is room for it; and the sheet with it, where there is none.
  isTelemetryOpen: boolean;
  isTelemetrySheetOpen: boolean;
  // Keys that a person chose, and whether all keys are listed.
  bindings: Bindings;
  areKeysShown: boolean;
  isDaemonShown: boolean;
  isPaletteShown: boolean;
  // What a person changed last in the settings, as the daemon says it.
  settingChange: SettingChange | null;
  // What sessions used is shown, of so many days.
  isUsageShown: boolean;
  usageDays: number;
  // The person went to the open session for its question, which gets the focus when it is drawn.
  wantsQuestion: boolean;
  isNarrow: boolean;
  railView: RailView;
  // The session whose title is being changed, and those whose sub-agents are listed.
  renaming: string;
  withChildren: string[];
  // What was moved to the trash last, as long as that can be undone here.
  trashed: { sid: string; title: string } | null;
  folderAsked: FolderAsked | null;
  remembered: Remembered;
  // Who did not answer the last attempt to connect, and how many have failed in a row.
  missing: Missing;
  attempts: number;
  // Whether a person has asked for the start of the daemon, and it is under way.
  isStarting: boolean;
  // How a person likes things shown: the name of a choice -> what was chosen.
  choices: Readonly<Record<string, string>>;
  // The last failure, shown until it is dismissed.
  problem: string;
  // It is not in the language of the page: English, from the daemon or the browser.
  isProblemForeign: boolean;
  // The last thing that a screen reader announces: a message of the page, or words that came from the daemon.
  notice: Announcement | string;
}

export type Store = StoreApi<State>;

const NO_TOKEN: FirstToken = { turn: '', askedAt: 0, ms: null };

export function createPageStore(): Store {
  return createStore<State>(() => ({
    sessions: [],
    waiting: [],
    hasMoreSessions: false,
    sessionsRead: false,
    filter: '',
    route: { view: 'session', sid: '' },
    selected: '',
    transcript: new Transcript(),
    version: 0,
    earlier: 0,
    reveal: null,
    playback: null,
    isFindOpen: false,
    gone: '',
    drafts: {},
    attached: {},
    recalled: 0,
    unknownCommand: '',
    openPill: '',
    isSending: false,
    overrides: {},
    chosen: {},
    sessionConnection: 'connecting',
    globalConnection: 'connecting',
    retryInMs: 0,
    health: null,
    figures: NO_FIGURES,
    firstToken: NO_TOKEN,
    port: 0,
    models: [],
    servers: null,
    isLookingForServers: false,
    isAddingServer: false,
    busyModel: '',
    childAsks: [],
    trust: null,
    trustPutAside: '',
    diagnosis: null,
    isDiagnosing: false,
    isFixing: false,
    replayed: null,
    wantsWorktree: false,
    worktreeAsked: null,
    areChangesOpen: false,
    isRailOpen: false,
    isTelemetryOpen: true,
    isTelemetrySheetOpen: false,
    bindings: {},
    areKeysShown: false,
    isDaemonShown: false,
    isPaletteShown: false,
    settingChange: null,
    isUsageShown: false,
    usageDays: 30,
    wantsQuestion: false,
    isNarrow: false,
    railView: 'sessions',
    renaming: '',
    withChildren: [],
    trashed: null,
    folderAsked: null,
    remembered: remembered(null, new Date()),
    missing: 'nobody',
    attempts: 0,
    isStarting: false,
    choices: {},
    problem: '',
    isProblemForeign: false,
    notice: '',
  }));
}

// A session is opened; its events follow. Overrides belong to a message of one session.
export function afterOpening(sid: string): Partial<State> {
  const empty = { transcript: new Transcript(), version: 0, earlier: 0, reveal: null, isFindOpen: false, gone: '', childAsks: [], overrides: {}, problem: '', notice: '', isRailOpen: false, diagnosis: null, replayed: null, wantsWorktree: false, worktreeAsked: null, recalled: 0, unknownCommand: '', openPill: '' as const, wantsQuestion: false, firstToken: NO_TOKEN };
  return { ...empty, selected: sid, sessionConnection: 'connecting' };
}

// Pieces of text change the turn that they belong to, and nothing else on the page.
const PIECES = ['turn.token', 'turn.thinking', 'tool.output'];

// Stored lines of the open session, in order. `changed` gets the turns that they change.
export function afterLines(state: State, lines: string[], changed: Set<Turn> = new Set()): Partial<State> {
  let { notice, firstToken, version } = state;
  for (const line of lines) {
    const event = JSON.parse(line) as AnyEvent;
    const turn = state.transcript.apply(event);
    if (turn) changed.add(turn);
    if (!PIECES.includes(event.event)) version += 1;
    firstToken = withEvent(firstToken, event);
    notice = announcementOf(event) ?? notice;
  }
  return { version, notice, firstToken };
}

// The figures of now. `now`: milliseconds of the page's clock.
export function afterMetrics(state: State, { metrics, health }: MetricsLine, now: number): Partial<State> {
  return { health, figures: withMetrics(state.figures, metrics, contextPercent(state), now) };
}

// How much of the model's context the open session fills, by the last answer; null when no model has said it.
export function contextOf(state: State): { used: number; limit: number } | null {
  const turn = state.transcript.turns.findLast(({ contextUsed, contextLimit, stats }) => (contextUsed && contextLimit) || stats?.contextLimit);
  if (!turn) return null;
  return turn.contextUsed && turn.contextLimit ? { used: turn.contextUsed, limit: turn.contextLimit } : { used: turn.stats?.contextUsed ?? 0, limit: turn.stats?.contextLimit ?? 0 };
}

function contextPercent(state: State): number | null {
  const context = contextOf(state);
  return context ? (100 * context.used) / context.limit : null;
}

export function withDraft(state: State, sid: string, text: string): Partial<State> {
  return { drafts: { ...state.drafts, [sid]: text } };
}

// A message was sent: what was written behind it meanwhile stays, and so does a text that was changed otherwise.
export function withoutSent(state: State, sid: string, sent: string): Partial<State> {
  const text = state.drafts[sid] ?? '';
  return text.startsWith(sent) ? withDraft(state, sid, text.slice(sent.length)) : {};
}

export function withAttached(state: State, sid: string, files: AttachedFile[]): Partial<State> {
  return { attached: { ...state.attached, [sid]: files } };
}

// What the window is called, and how many sessions wait for the person.
export function windowName(state: State): [title: string, needsYou: number] {
  const needsYou = needs(state);
  const title = state.sessions.find((session) => session.id === state.selected)?.title || state.transcript.title;
  return [title ? `${title} · Opta` : 'Opta', needsYou];
}

// How many sessions wait for the person.
export function needs(state: State): number {
  return state.waiting.length;
}

// The session that waits for the person behind the open one, in the order of the list, and from its end to its beginning.
export function nextNeed(state: State): Session | undefined {
  const at = state.sessions.findIndex((session) => session.id === state.selected);
  return [...state.sessions.slice(at + 1), ...state.sessions.slice(0, at + 1)].find((session) => session.state === 'waiting');
}

const NONE: AttachedFile[] = [];

export function attached(state: State): AttachedFile[] {
  return state.attached[state.selected] ?? NONE;
}

export function draft(state: State): string {
  return state.drafts[state.selected] ?? '';
}

export function isMessageBegun(state: State): boolean {
  return draft(state) !== '' || attached(state).length > 0 || state.isSending || state.openPill !== '' || Object.keys(state.overrides).length > 0;
}

// What the next message runs with: the overrides, else what the session has.
export function nextMode(state: State): string {
  if (state.overrides.mode) return state.overrides.mode;
  // What is said to a plan changes the plan, and nothing else, until it is accepted or another mode is chosen.
  const last = state.transcript.turns.at(-1);
  return last && planOf(last) ? 'plan' : state.transcript.mode;
}

export function nextLevel(state: State): string {
  if (state.overrides.level) return state.overrides.level;
  // A changed mode brings its own level.
  const mode = nextMode(state);
  if (mode !== state.transcript.mode || state.overrides.mode) return mode === 'chat' ? 'L1' : 'L2';
  return state.transcript.level;
}

export function nextModel(state: State): string {
  return state.overrides.model ?? (state.transcript.model || state.models.find((model) => model.default)?.id || '');
}

// The worse of the two streams' connections.
export function connection(state: State): Connection {
  const order: Connection[] = ['disconnected', 'reconnecting', 'connecting', 'connected'];
  // Nothing is followed of a session that is not there.
  const both = state.selected && !state.gone ? [state.globalConnection, state.sessionConnection] : [state.globalConnection];
  return order.find((each) => both.includes(each)) ?? 'connecting';
}

// Whether Enter alone sends the message.
export function enterSends(state: State): boolean {
  return state.choices.sends === 'enter';
}
