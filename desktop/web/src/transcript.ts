// Reducer of a session: events go in, what the screen draws comes out. Twin of opta_core/transcript.py; both pass the same fixtures.

import { markOf } from './divergence';
import { byCodePoint, some } from './file_names';
import type { AnyEvent, Worktree } from './protocol';
import { beginning, inState } from './session_events';
import { applyToCall, findCall, newCall } from './transcript_calls';
import { applyHook } from './transcript_hooks';
import type { Call, Injected, Note, Stats, Turn } from './transcript_parts';

export type { Call, CallState, Note, Stats, Step, Turn, TurnState } from './transcript_parts';

export class Transcript {
  sid = '';
  title = '';
  cwd = '';
  mode = 'chat';
  level = 'L1';
  model = '';
  policy = 'standard';
  interactive = true;
  trusted = false;
  folder = '';
  // Of a fork: the session whose history it has, and the last turn of it. Of a sub-agent: the session, the turn and the call that started it.
  parent = '';
  parentTurn = '';
  worktree: Worktree | null = null;
  parentCall = '';
  depth = 0;
  clearedTo = 0;
  compactedTo = 0;
  compactedIn = '';
  summary = '';
  pendingNote = '';
  lastSeq = 0;
  turns: Turn[] = [];
  plan: Record<string, string>[] = [];
  notes: Note[] = [];

  private readonly byId = new Map<string, Turn>();

  // The transcript that the daemon folded; events after its `lastSeq` are applied to it.
  static from(folded: Record<string, unknown>): Transcript {
    const transcript = Object.assign(new Transcript(), folded);
    for (const turn of transcript.turns) {
      turn.version = 1;
      transcript.byId.set(turn.id, turn);
    }
    return transcript;
  }

  apply(event: AnyEvent): Turn | null {
    this.lastSeq = event.seq ?? 0;
    switch (event.event) {
      case 'session.start':
        Object.assign(this, beginning(event));
        return null;
      case 'session.worktree':
        this.worktree = inState(this.worktree, event.state);
        return null;
      case 'session.updated': {
        const changes = event.changes as Record<string, string>;
        this.title = changes.title ?? this.title;
        this.model = changes.model ?? this.model;
        this.mode = changes.mode ?? this.mode;
        this.level = changes.level ?? this.level;
        return null;
      }
      case 'session.cleared':
        this.clearedTo = event.upTo;
        return null;
      case 'session.note':
        this.notes.push({ seq: event.seq ?? 0, ts: event.ts ?? '', kind: event.kind ?? 'note', text: event.text });
        return null;
      case 'turn.undone': {
        this.pendingNote += `(The user undid what turn ${event.turn} changed in ${some(event.files)}.)\n`;
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        turn.undone = [...new Set([...turn.undone, ...event.files])].sort(byCodePoint);
        turn.version += 1;
        return turn;
      }
      case 'turn.redone': {
        this.pendingNote += `(The user made the changes of turn ${event.turn} in ${some(event.files)} again.)\n`;
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        turn.undone = turn.undone.filter((file) => !event.files.includes(file));
        turn.version += 1;
        return turn;
      }
      case 'context.compacted': {
        this.compactedTo = event.upTo ?? 0;
        this.compactedIn = event.turn ?? '';
        this.summary = event.summary;
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        turn.warnings.push(`Context compacted: about ${event.before} tokens became ${event.after}.`);
        mark(turn, event);
        turn.version += 1;
        return turn;
      }
      case 'plan.updated':
        this.plan = event.items;
        return null;
      case 'turn.start': {
        const turn: Turn = {
          id: event.turn ?? '',
          seq: event.seq ?? 0,
          ts: event.ts ?? '',
          text: event.text,
          mode: event.mode,
          level: event.level,
          model: event.model ?? '',
          attachments: event.attachments ?? [],
          resumes: event.resumes ?? '',
          compact: event.compact ?? false,
          probe: event.probe ?? false,
          role: event.role,
          fromPlan: event.fromPlan ?? '',
          command: event.command ?? '',
          injected: [],
          steers: [],
          hooks: [],
          limits: event.limits ?? null,
          note: this.pendingNote,
          undone: [],
          state: 'running',
          steps: [],
          warnings: [],
          marks: [],
          stats: null,
          contextUsed: 0,
          contextLimit: 0,
          foldedTo: 0,
          foldedAt: 0,
          foldedTokens: 0,
          digest: '',
          error: '',
          errorCode: '',
          endedAt: '',
          version: 0,
        };
        this.pendingNote = '';
        this.turns.push(turn);
        this.byId.set(turn.id, turn);
        return turn;
      }
      default: {
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        applyToTurn(turn, event);
        mark(turn, event);
        turn.version += 1;
        return turn;
      }
    }
  }

  asking(): { turn: Turn; call: Call }[] {
    return this.turns.flatMap((turn) =>
      turn.endedAt ? [] : turn.steps.flatMap((step) => step.calls.filter((call) => call.state === 'asking').map((call) => ({ turn, call }))),
    );
  }

  running(): Turn | undefined {
    return this.turns.find((turn) => !turn.endedAt);
  }

  // Figures of the last turn that was done.
  lastStats(): Stats | null {
    return this.turns.findLast((turn) => turn.stats)?.stats ?? null;
  }

  // The last turn, if it failed or was cancelled.
  resumable(): Turn | undefined {
    const last = this.turns[this.turns.length - 1];
    return last && (last.state === 'error' || last.state === 'cancelled' || isLimited(last)) ? last : undefined;
  }
}

// The plan that a turn in plan mode ended in, '' for none.
export function planOf(turn: Turn): string {
  return turn.mode === 'plan' && turn.state === 'done' && !isLimited(turn) ? (turn.steps.at(-1)?.text.trim() ?? '') : '';
}

// Whether a turn met a limit before it was finished.
export function isLimited(turn: Turn): boolean {
  return turn.state === 'done' && turn.stats !== null && turn.stats.finish !== 'stop';
}

function mark(turn: Turn, event: AnyEvent): void {
  const found = markOf(event);
  if (found) turn.marks.push(found);
}

function applyToTurn(turn: Turn, event: AnyEvent): void {
  const last = turn.steps[turn.steps.length - 1];
  switch (event.event) {
    case 'turn.queued':
      turn.state = 'queued';
      break;
    case 'turn.edited':
      turn.text = event.text;
      turn.command = event.command ?? '';
      break;
    case 'turn.steer':
      steer(turn, event);
      break;
    case 'step.start':
      startStep(turn, event);
      break;
    case 'turn.token':
      if (last) {
        last.text += event.delta;
        last.waiting = 0;
      }
      break;
    case 'turn.thinking':
      if (last) {
        last.thinking += event.delta;
        last.waiting = 0;
      }
      break;
    case 'turn.thought':
      if (last) {
        last.thinking += last.text;
        last.text = '';
      }
      break;
    case 'step.waiting':
      if (last) last.waiting = event.seconds;
      break;
    case 'step.done':
      if (last) {
        last.waiting = 0;
        last.finish = event.finish;
        last.hasCutCall = event.hasCutCall ?? false;
        last.thinkingField = event.thinkingField ?? '';
        last.thinkingBlocks = event.thinkingBlocks ?? [];
        last.model = event.model || last.model;
        last.contextUsed = event.contextUsed ?? 0;
        last.tokens = event.tokens;
        last.promptTokens = event.promptTokens;
        last.cachedTokens = event.cachedTokens;
        last.thinkingTokens = event.thinkingTokens ?? 0;
      }
      turn.contextUsed = event.contextUsed ?? 0;
      turn.contextLimit = event.contextLimit ?? 0;
      break;
    case 'context.injected':
      injectText(turn, { source: event.source, text: event.text ?? '', step: event.step ?? 0, edition: event.edition ?? '' });
      break;
    case 'hook.start':
    case 'hook.result':
      applyHook(turn, event);
      break;
    case 'context.folded':
      turn.foldedTo = event.upToStep;
      turn.foldedAt = event.step;
      turn.foldedTokens = event.after;
      turn.digest = event.digest;
      break;
    case 'turn.pausing':
      turn.state = 'pausing';
      break;
    case 'turn.paused':
      turn.state = 'paused';
      break;
    case 'turn.resumed':
      turn.state = 'running';
      break;
    case 'turn.stopping':
      turn.state = 'stopping';
      break;
    case 'warning':
      turn.warnings.push(event.message);
      break;
    case 'route.switch':
      turn.warnings.push(`${event.from} -> ${event.to}: ${event.reason}`);
      break;
    case 'turn.done':
      turn.state = 'done';
      turn.endedAt = event.ts ?? '';
      turn.stats = {
        tokens: event.tokens,
        elapsed: event.elapsed,
        tokensPerSec: event.tokensPerSec,
        tools: event.tools,
        steps: event.steps,
        finish: event.finish,
        promptTokens: event.promptTokens ?? 0,
        contextUsed: event.contextUsed ?? 0,
        contextLimit: event.contextLimit ?? 0,
        ...(event.children ? { children: event.children, childTokens: event.childTokens ?? 0 } : {}),
      };
      break;
    case 'turn.error':
      turn.state = 'error';
      turn.error = event.message;
      turn.errorCode = event.code;
      turn.endedAt = event.ts ?? '';
      break;
    case 'session.cancelled':
      turn.state = 'cancelled';
      turn.error = event.reason;
      turn.endedAt = event.ts ?? '';
      break;
    case 'tool.call':
      last?.calls.push(newCall(event.callId, event.name, event.args, event.risk, event.written ?? ''));
      break;
    case 'permission.request':
    case 'permission.decision':
    case 'question.asked':
    case 'question.answered':
    case 'child.start':
    case 'child.state':
    case 'tool.start':
    case 'tool.output':
    case 'files.changed':
    case 'tool.result': {
      const call = findCall(turn, event.callId);
      if (call) applyToCall(call, event);
      break;
    }
  }
}

function injectText(turn: Turn, injected: Injected): void {
  const isKnown = turn.injected.some((known) => known.source === injected.source && known.text === injected.text && known.step === injected.step);
  if (!isKnown) turn.injected.push(injected);
}

// Words that wait come, change, or go.
function steer(turn: Turn, event: Extract<AnyEvent, { event: 'turn.steer' }>): void {
  const waiting = turn.steers.find((known) => known.id === event.steerId && !known.step);
  if (!waiting) turn.steers.push({ id: event.steerId, text: event.text, step: 0 });
  else if (event.text) waiting.text = event.text;
  else turn.steers.splice(turn.steers.indexOf(waiting), 1);
}

// A model reads words. If they were changed meanwhile, the changed words wait on.
function readSteers(turn: Turn, event: Extract<AnyEvent, { event: 'step.start' }>): void {
  for (const read of event.steers ?? []) {
    const known = turn.steers.find((other) => other.id === read.id && other.text === read.text);
    if (known) known.step = event.step;
    else {
      const at = turn.steers.findIndex((other) => other.id === read.id);
      turn.steers.splice(at < 0 ? turn.steers.length : at, 0, { id: read.id, text: read.text, step: event.step });
    }
  }
}

function startStep(turn: Turn, event: Extract<AnyEvent, { event: 'step.start' }>): void {
  if (turn.state === 'queued' || turn.state === 'paused') turn.state = 'running';
  turn.limits = event.limits ?? turn.limits;
  readSteers(turn, event);
  const last = turn.steps[turn.steps.length - 1];
  if (last && last.step === event.step) {
    // The step is repeated: what the failed attempt wrote beyond the kept part is folded away.
    const kept = event.keptChars ?? 0;
    const characters = Array.from(last.text);
    last.folded += characters.slice(kept).join('');
    last.text = characters.slice(0, kept).join('');
    last.thinking = '';
    last.waiting = 0;
    last.provider = event.provider;
    last.model = event.model;
    last.contextLimit = event.contextLimit ?? 0;
    last.nudge = event.nudge ?? '';
    last.finish = '';
    last.attempt = event.attempt;
    last.calls = [];
    return;
  }
  turn.steps.push({
    step: event.step,
    provider: event.provider,
    model: event.model,
    attempt: event.attempt,
    text: '',
    thinking: '',
    folded: '',
    nudge: event.nudge ?? '',
    thinkingField: '',
    thinkingBlocks: [],
    contextLimit: event.contextLimit ?? 0,
    contextUsed: 0,
    finish: '',
    hasCutCall: false,
    tokens: 0,
    promptTokens: 0,
    cachedTokens: 0,
    thinkingTokens: 0,
    waiting: 0,
    calls: [],
  });
}
