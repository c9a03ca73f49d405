// Reducer of a session: events go in, what the screen draws comes out. Twin of opta_core/transcript.py; both pass the same fixtures.

import { markOf } from './divergence';
import { some } from './file_names';
import type { AnyEvent, Session, Worktree } from './protocol';
import { beginning, inState } from './session_events';
import { applyToCall, findCall, newCall, stopCalls } from './transcript_calls';
import { copyOfTurn } from './transcript_copy';
import { applyHook } from './transcript_hooks';
import { remarkOf, remarkOfSession } from './transcript_remarks';
import type { Call, Note, Remark, Stats, Turn } from './transcript_parts';
import { noteRedone, noteUndone, undoneNames } from './transcript_undo';
import { injectText, speak, startStep, steer } from './transcript_steps';

export type { Call, CallState, Note, Stats, Step, Turn, TurnState } from './transcript_parts';

// The fields of a transcript at some event.
export type Moment = Readonly<Record<string, unknown>>;

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
  // What happened between turns.
  remarks: Remark[] = [];

  private readonly byId = new Map<string, Turn>();
  // Turns that have not ended, so that no question about them looks at all turns.
  readonly #open = new Set<Turn>();

  // The transcript that the daemon folded; events after its `lastSeq` are applied to it.
  static from(folded: Record<string, unknown>): Transcript {
    const transcript = Transcript.at(folded);
    for (const turn of transcript.turns) {
      turn.version = 1;
      for (const step of turn.steps) step.version = 1;
    }
    return transcript;
  }

  // The transcript of a moment. It shares the turns with the moment, so a turn is renewed before an event changes it.
  static at(moment: Moment): Transcript {
    const transcript = Object.assign(new Transcript(), moment);
    transcript.turns = [...transcript.turns];
    transcript.notes = [...transcript.notes];
    transcript.remarks = [...transcript.remarks];
    for (const turn of transcript.turns) {
      transcript.byId.set(turn.id, turn);
      if (!turn.endedAt) transcript.#open.add(turn);
    }
    return transcript;
  }

  // What it is now. From here on, its turns are shared with the moment.
  moment(): Moment {
    const { byId: _, ...fields } = this;
    return { ...fields, turns: [...this.turns], notes: [...this.notes], remarks: [...this.remarks] };
  }

  // Put a copy in the place of a turn that is shared.
  renew(id: string): void {
    const turn = this.byId.get(id);
    if (!turn) return;
    const copy = copyOfTurn(turn);
    this.turns[this.turns.lastIndexOf(turn)] = copy;
    this.byId.set(id, copy);
    if (this.#open.delete(turn)) this.#open.add(copy);
  }

  // The end of a session: the turns that begin in `events`, the last ones of its journal.
  static of(session: Session, events: AnyEvent[]): Transcript {
    const { id: sid, title, cwd, mode, level, model } = session;
    const transcript = Object.assign(new Transcript(), { sid, title, cwd, mode, level, model });
    for (const event of events) transcript.apply(event);
    return transcript;
  }

  apply(event: AnyEvent): Turn | null {
    this.lastSeq = event.seq ?? 0;
    const remark = remarkOfSession(event);
    if (remark) this.remarks.push(remark);
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
        this.pendingNote += `(The user undid what turn ${event.turn} changed in ${some(undoneNames(event))}.)\n`;
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        noteUndone(turn, event);
        turn.version += 1;
        return turn;
      }
      case 'turn.redone': {
        this.pendingNote += `(The user made the changes of turn ${event.turn} in ${some(undoneNames(event))} again.)\n`;
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        noteRedone(turn, event);
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
      case 'plan.updated': {
        this.plan = event.items;
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        remarkOn(turn, event);
        turn.version += 1;
        return turn;
      }
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
          undoneHunks: [],
          undoneAt: 0,
          state: 'running',
          steps: [],
          warnings: [],
          remarks: [],
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
        this.#open.add(turn);
        return turn;
      }
      default: {
        const turn = this.byId.get(event.turn ?? '');
        if (!turn) return null;
        applyToTurn(turn, event);
        remarkOn(turn, event);
        mark(turn, event);
        turn.version += 1;
        if (turn.endedAt) this.#open.delete(turn);
        return turn;
      }
    }
  }

  asking(): { turn: Turn; call: Call }[] {
    return [...this.#open].flatMap((turn) => turn.steps.flatMap((step) => step.calls.filter((call) => call.state === 'asking').map((call) => ({ turn, call }))));
  }

  running(): Turn | undefined {
    for (const turn of this.#open) return turn;
    return undefined;
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

function remarkOn(turn: Turn, event: AnyEvent): void {
  const found = remarkOf(event);
  if (found) turn.remarks.push(found);
}

function mark(turn: Turn, event: AnyEvent): void {
  const found = markOf(event);
  if (found) turn.marks.push(found);
}

function applyToTurn(turn: Turn, event: AnyEvent): void {
  const last = turn.steps[turn.steps.length - 1];
  if (last) last.version += 1;
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
        speak(last, event.ts);
      }
      break;
    case 'turn.thinking':
      if (last) {
        last.thinking += event.delta;
        speak(last, event.ts);
        last.thoughtFrom ||= event.ts ?? '';
        last.thoughtTo = event.ts ?? '';
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
        cachedTokens: event.cachedTokens ?? 0,
        thinkingTokens: event.thinkingTokens ?? 0,
        firstTokenMs: event.firstTokenMs ?? 0,
        contextUsed: event.contextUsed ?? 0,
        contextLimit: event.contextLimit ?? 0,
        ...(event.children ? { children: event.children, childTokens: event.childTokens ?? 0 } : {}),
      };
      stopCalls(turn);
      break;
    case 'turn.error':
      turn.state = 'error';
      turn.error = event.message;
      turn.errorCode = event.code;
      turn.endedAt = event.ts ?? '';
      stopCalls(turn);
      break;
    case 'session.cancelled':
      turn.state = 'cancelled';
      turn.error = event.reason;
      turn.endedAt = event.ts ?? '';
      stopCalls(turn);
      break;
    case 'tool.call':
      last?.calls.push(newCall(event.callId, event.name, event.args, event.risk, event.written ?? '', event.seq));
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
