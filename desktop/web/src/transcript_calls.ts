// The tool calls of a transcript: a new one, one by its id, and what an event changes in it.

import type { AnyEvent } from './protocol';
import type { Call, Turn } from './transcript_parts';

export function newCall(id: string, name: string, args: Record<string, unknown>, risk: string, written: string, seq = 0): Call {
  return {
    id,
    name,
    args,
    risk,
    seq,
    written,
    state: 'called',
    requestId: '',
    reason: '',
    offers: [],
    diff: '',
    expects: '',
    scope: '',
    server: '',
    schema: '',
    expiresAt: '',
    execution: null,
    writing: null,
    offer: '',
    decidedBy: '',
    client: '',
    rule: '',
    note: '',
    startedAt: '',
    output: '',
    content: '',
    code: '',
    lines: 0,
    durationMs: 0,
    truncated: false,
    spill: '',
    changes: [],
    effects: [],
    asked: null,
    hooks: [],
    child: null,
  };
}

// A call by its id, to be changed: its step has another version then.
export function findCall(turn: Turn, id: string): Call | undefined {
  for (let at = turn.steps.length - 1; at >= 0; at -= 1) {
    const step = turn.steps[at];
    const call = step?.calls.find((candidate) => candidate.id === id);
    if (step && call) {
      step.version += 1;
      return call;
    }
  }
  return undefined;
}

// Nothing runs, and nothing is asked, in a turn that has ended. A result that comes later still counts.
export function stopCalls(turn: Turn): void {
  for (const call of turn.steps.flatMap((step) => step.calls)) if (['called', 'asking', 'allowed', 'running'].includes(call.state)) call.state = 'stopped';
}

export function applyToCall(call: Call, event: AnyEvent): void {
  switch (event.event) {
    case 'permission.request':
      call.state = 'asking';
      call.requestId = event.requestId;
      call.reason = event.reason;
      call.offers = event.offers ?? [];
      call.diff = event.diff ?? '';
      call.expects = event.expects ?? '';
      call.scope = event.scope ?? '';
      call.server = event.server ?? '';
      call.schema = event.schema ?? '';
      call.expiresAt = event.expiresAt;
      call.execution = event.execution ?? null;
      call.writing = event.writing ?? null;
      break;
    case 'permission.decision':
      call.state = event.decision === 'allow' ? 'allowed' : 'denied';
      call.decidedBy = event.by;
      call.rule = event.rule ?? '';
      call.note = event.note ?? '';
      call.offer = event.offer ?? '';
      call.client = event.client ?? '';
      break;
    case 'question.asked':
      call.state = 'running';
      call.asked = { id: event.questionId, text: event.text, options: event.options ?? [], expiresAt: event.expiresAt ?? '', answer: '', by: '', client: '' };
      break;
    case 'question.answered':
      if (call.asked) {
        call.asked.answer = event.text ?? '';
        call.asked.by = event.by;
        call.asked.client = event.client ?? '';
      }
      break;
    case 'child.start':
      call.state = 'running';
      call.child = { sid: event.childSid, title: event.title, readOnly: event.readOnly ?? false, state: 'queued', turn: '', step: 0, calls: 0, tokens: 0, asks: '', askSeq: 0 };
      break;
    case 'child.state':
      if (call.child) {
        const { state, step = 0, calls = 0, tokens = 0, asks = '', askSeq = 0 } = event;
        Object.assign(call.child, { state, turn: event.childTurn || call.child.turn, step, calls, tokens, asks, askSeq });
      }
      break;
    case 'tool.start':
      call.state = 'running';
      call.startedAt = event.ts ?? '';
      break;
    case 'tool.output':
      call.output += event.delta;
      break;
    case 'tool.result':
      if (call.state !== 'denied') call.state = event.ok ? 'ok' : 'failed';
      call.content = event.content;
      call.code = event.code ?? '';
      call.lines = event.lines ?? 0;
      call.durationMs = event.durationMs ?? 0;
      call.truncated = event.truncated ?? false;
      call.spill = event.spill ?? '';
      call.changes = event.changes ?? [];
      break;
    case 'files.changed':
      call.effects.push({
        changes: event.changes ?? [],
        more: event.more ?? 0,
        kept: event.kept ?? '',
        background: event.background ?? false,
        missed: event.missed ?? '',
        beside: event.beside ?? [],
      });
      break;
  }
}
