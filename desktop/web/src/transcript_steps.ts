// The steps of a transcript: a new or a repeated one, and what a model reads before it.

import type { AnyEvent } from './protocol';
import type { Injected, Step, Turn } from './transcript_parts';

// The model wrote something.
export function speak(step: Step, ts = ''): void {
  step.waiting = 0;
  step.firstAt ||= ts;
}

export function injectText(turn: Turn, injected: Injected): void {
  const isKnown = turn.injected.some((known) => known.source === injected.source && known.text === injected.text && known.step === injected.step);
  if (!isKnown) turn.injected.push(injected);
}

// Words that wait come, change, or go.
export function steer(turn: Turn, event: Extract<AnyEvent, { event: 'turn.steer' }>): void {
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

export function startStep(turn: Turn, event: Extract<AnyEvent, { event: 'step.start' }>): void {
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
    last.startedAt = event.ts ?? '';
    last.firstAt = '';
    last.thoughtFrom = '';
    last.thoughtTo = '';
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
    seq: event.seq ?? 0,
    startedAt: event.ts ?? '',
    firstAt: '',
    thoughtFrom: '',
    thoughtTo: '',
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
    version: 0,
  });
}
