// What the page knows, as a plain store: no DOM, no network. Functions here compute the next state; `Page` and the actions call them.

import { createStore, type StoreApi } from 'zustand/vanilla';
import type { ChildAsk } from './child_asks';
import type { AnyEvent, Attachment, Diagnosis, DiscoveredServer, Health, Metrics, ModelInfo, Session, TrustState } from './protocol';
import type { Connection } from './streams/eventlog';
import { planOf, Transcript } from './transcript';

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

export interface State {
  sessions: Session[];
  filter: string;
  // '' while no session is open; the first message then makes one.
  selected: string;
  // Mutable, and folded outside React: `version` grows with each event, so that selectors are asked again.
  transcript: Transcript;
  version: number;
  // Unsent text of each session's composer.
  drafts: Record<string, string>;
  // Files that were uploaded for each session's next message.
  attached: Record<string, Attachment[]>;
  isSending: boolean;
  overrides: Overrides;
  // Of the stream of the selected session, and of the stream of all sessions.
  sessionConnection: Connection;
  globalConnection: Connection;
  retryInMs: number;
  metrics: Metrics | null;
  health: Health | null;
  // Tokens per second, the newest last.
  rates: number[];
  port: number;
  models: ModelInfo[];
  // Model servers that run on this machine; null before the page has looked.
  servers: DiscoveredServer[] | null;
  isLookingForServers: boolean;
  isAddingServer: boolean;
  // Questions of the open session's sub-agents, as they were read from their sessions.
  childAsks: ChildAsk[];
  // What the files of the open session's folder ask for, and the hash of the files whose question was put aside.
  trust: TrustState | null;
  trustPutAside: string;
  // The last diagnosis, of the open session; and what a replay says about the cause.
  diagnosis: Diagnosis | null;
  isDiagnosing: boolean;
  isFixing: boolean;
  replayed: string;
  // Whether the first message of the open session begins one in a git worktree.
  wantsWorktree: boolean;
  // An end of the worktree that loses work, or changes more than files: a person says whether it is done all the same.
  worktreeAsked: WorktreeAsked | null;
  isRailOpen: boolean;
  // Whether this window has no key, which only a person can bring.
  needsKey: boolean;
  // The last failure, shown until it is dismissed.
  problem: string;
  // The last thing that a screen reader announces.
  notice: string;
}

export type Store = StoreApi<State>;

const RATES_MAX = 60;

export function createPageStore(): Store {
  return createStore<State>(() => ({
    sessions: [],
    filter: '',
    selected: '',
    transcript: new Transcript(),
    version: 0,
    drafts: {},
    attached: {},
    isSending: false,
    overrides: {},
    sessionConnection: 'connecting',
    globalConnection: 'connecting',
    retryInMs: 0,
    metrics: null,
    health: null,
    rates: [],
    port: 0,
    models: [],
    servers: null,
    isLookingForServers: false,
    isAddingServer: false,
    childAsks: [],
    trust: null,
    trustPutAside: '',
    diagnosis: null,
    isDiagnosing: false,
    isFixing: false,
    replayed: '',
    wantsWorktree: false,
    worktreeAsked: null,
    isRailOpen: false,
    needsKey: false,
    problem: '',
    notice: '',
  }));
}

// A session is opened; its events follow. Overrides stay behind: they belong to a message of the session before.
export function afterOpening(sid: string): Partial<State> {
  const empty = { transcript: new Transcript(), version: 0, childAsks: [], overrides: {}, problem: '', notice: '', isRailOpen: false, diagnosis: null, replayed: '', wantsWorktree: false, worktreeAsked: null };
  return { ...empty, selected: sid, sessionConnection: 'connecting' };
}

// Stored lines of the open session, in order.
export function afterLines(state: State, lines: string[]): Partial<State> {
  let { notice } = state;
  for (const line of lines) {
    const event = JSON.parse(line) as AnyEvent;
    state.transcript.apply(event);
    notice = announcement(event) || notice;
  }
  return { version: state.version + lines.length, notice };
}

// The few events that people who cannot see the screen have to hear; '' for all others.
function announcement(event: AnyEvent): string {
  switch (event.event) {
    case 'permission.request':
      return `${event.name} needs permission`;
    case 'step.start':
      return event.step === 1 ? 'Assistant answering' : '';
    case 'turn.done':
      return `${event.finish === 'stop' ? 'Done' : 'Stopped at a limit'}, ${event.tokens} tokens, ${event.tools} tools`;
    case 'turn.error':
      return `Failed: ${event.message}`;
    default:
      return '';
  }
}

// The `metrics` control line, sent each second. Its metrics are null while the session store does not answer.
export interface MetricsLine {
  metrics: Metrics | null;
  health: Health;
}

export function afterMetrics(state: State, { metrics, health }: MetricsLine): Partial<State> {
  return { metrics, health, rates: [...state.rates, metrics?.tokensPerSec ?? 0].slice(-RATES_MAX) };
}

export function withDraft(state: State, sid: string, text: string): Partial<State> {
  return { drafts: { ...state.drafts, [sid]: text } };
}

export function withAttached(state: State, sid: string, files: Attachment[]): Partial<State> {
  return { attached: { ...state.attached, [sid]: files } };
}

// What the window is called, and how many sessions wait for the person.
export function windowName(state: State): [title: string, needsYou: number] {
  const needsYou = state.sessions.filter((session) => session.state === 'waiting').length;
  const title = state.sessions.find((session) => session.id === state.selected)?.title;
  return [title ? `${title} · Opta` : 'Opta', needsYou];
}

const NONE: Attachment[] = [];

export function attached(state: State): Attachment[] {
  return state.attached[state.selected] ?? NONE;
}

export function draft(state: State): string {
  return state.drafts[state.selected] ?? '';
}

export function isMessageBegun(state: State): boolean {
  return draft(state) !== '' || attached(state).length > 0 || state.isSending || Object.keys(state.overrides).length > 0;
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
  const both = state.selected ? [state.globalConnection, state.sessionConnection] : [state.globalConnection];
  return order.find((each) => both.includes(each)) ?? 'connecting';
}
