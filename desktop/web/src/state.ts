// What the page knows. The transcript is a mutable log outside React; zustand holds the rest and a version that says "draw again".

import { create } from 'zustand';
import { daemon } from './daemon';
import { type Connection, EventLog } from './eventlog';
import type { AnyEvent, Metrics, ModelInfo, Session } from './protocol';
import { Transcript } from './transcript';

const METRICS_MS = 1_000;
const SESSIONS_MS = 150;

export interface State {
  problem: string;
  sessions: Session[];
  filter: string;
  selected: string;
  transcript: Transcript;
  version: number;
  connection: Connection;
  retryInMs: number;
  metrics: Metrics | null;
  rates: number[];
  uptime: number;
  sandbox: string;
  port: number;
  models: ModelInfo[];
  railOpen: boolean;
  // Overrides for the next turn only.
  pills: { mode?: string; model?: string; level?: string };
  notice: string;
}

export const useStore = create<State>(() => ({
  problem: '',
  sessions: [],
  filter: '',
  selected: '',
  transcript: new Transcript(),
  version: 0,
  connection: 'connecting',
  retryInMs: 0,
  metrics: null,
  rates: [],
  uptime: 0,
  sandbox: '',
  port: 0,
  models: [],
  railOpen: false,
  pills: {},
  notice: '',
}));

const set = useStore.setState;
const get = useStore.getState;

let log: EventLog | null = null;
let sessionsTimer = 0;

export function showProblem(error: unknown): void {
  set({ problem: error instanceof Error ? error.message : String(error) });
}

export async function refreshSessions(): Promise<void> {
  const page = await daemon.sessions(get().filter);
  set({ sessions: page.sessions });
}

export function setFilter(filter: string): void {
  set({ filter });
  void refreshSessions().catch(showProblem);
}

export function select(sid: string): void {
  log?.close();
  const transcript = new Transcript();
  location.hash = sid;
  set({ selected: sid, transcript, version: 0, pills: {}, connection: 'connecting', problem: '', notice: '', railOpen: false });
  if (!sid) {
    log = null;
    return;
  }
  log = new EventLog(
    { url: (afterSeq) => daemon.streamUrl(`/v3/sessions/${sid}/stream`, `afterSeq=${afterSeq}`) },
    0,
    (lines) => {
      for (const line of lines) announce(transcript, JSON.parse(line) as AnyEvent);
      set({ version: get().version + lines.length });
    },
    (connection, retryInMs) => set({ connection, retryInMs }),
  );
  log.start();
}

// Folds one event, and says the few things that people who cannot see the screen have to know.
function announce(transcript: Transcript, event: AnyEvent): void {
  transcript.apply(event);
  if (event.event === 'permission.request') set({ notice: `${event.name} needs permission` });
  else if (event.event === 'step.start' && event.step === 1) set({ notice: 'Assistant answering' });
  else if (event.event === 'turn.done') set({ notice: `Done, ${event.tokens} tokens, ${event.tools} tools` });
  else if (event.event === 'turn.error') set({ notice: `Failed: ${event.message}` });
}

// The stream of all sessions only tells that something changed; the list itself is asked for.
function followEverything(): void {
  const socketUrl = () => daemon.streamUrl('/v3/events', 'cursor=');
  const connect = async (attempt: number): Promise<void> => {
    try {
      const socket = new WebSocket(await socketUrl());
      socket.onmessage = (message) => {
        if (/"event":"(?!turn\.token|turn\.thinking|tool\.output)/.test(String(message.data))) scheduleSessions();
      };
      socket.onopen = () => {
        attempt = 0;
        scheduleSessions();
      };
      socket.onclose = () => setTimeout(() => void connect(attempt + 1), Math.min(5_000, 250 * 2 ** attempt));
    } catch {
      setTimeout(() => void connect(attempt + 1), Math.min(5_000, 250 * 2 ** attempt));
    }
  };
  void connect(0);
}

function scheduleSessions(): void {
  if (sessionsTimer) return;
  sessionsTimer = window.setTimeout(() => {
    sessionsTimer = 0;
    refreshSessions().catch(() => undefined);
  }, SESSIONS_MS);
}

async function refreshMetrics(): Promise<void> {
  if (document.hidden) return;
  try {
    const [metrics, health] = await Promise.all([daemon.metrics(), daemon.uptime()]);
    set({ metrics, uptime: health.uptime, sandbox: health.sandbox ?? '', port: await daemon.port(), rates: [...get().rates.slice(-59), metrics.tokensPerSec] });
  } catch {
    set({ metrics: null });
  }
}

export async function refreshModels(): Promise<void> {
  set({ models: (await daemon.models()).models });
}

export async function begin(): Promise<void> {
  await refreshSessions();
  followEverything();
  void refreshMetrics();
  window.setInterval(() => void refreshMetrics(), METRICS_MS);
  refreshModels().catch(() => undefined);
  const wanted = location.hash.slice(1);
  const first = get().sessions.find((session) => session.id === wanted) ?? get().sessions[0];
  if (first) select(first.id);
  const kick = () => log?.kick();
  window.addEventListener('online', kick);
  document.addEventListener('visibilitychange', kick);
}
