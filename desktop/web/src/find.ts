// Finds words in a session: in its transcript, not in what is drawn, so that every turn is searched.

import type { Call, Transcript, Turn } from './transcript';

// A place in the text of one part of a turn. `nth`: how many hits of that part come before it.
export interface Hit {
  turn: string;
  part: 'prompt' | 'steer' | 'thinking' | 'answer' | 'call' | 'ending';
  // Of a step or a call, else 0 and ''.
  step: number;
  call: string;
  // Where the part begins in the journal.
  seq: number;
  nth: number;
}

export interface Found {
  hits: Hit[];
  // Whether there are more than are counted.
  isCut: boolean;
}

export const HITS_MAX = 5_000;

export function find(transcript: Transcript, words: string): Found {
  const pattern = patternOf(words);
  const hits: Hit[] = [];
  if (!pattern) return { hits, isCut: false };
  for (const turn of transcript.turns) {
    for (const { text, ...where } of partsOf(turn)) {
      const count = text.match(pattern)?.length ?? 0;
      for (let nth = 0; nth < count && hits.length < HITS_MAX; nth += 1) hits.push({ turn: turn.id, ...where, nth });
    }
    if (hits.length >= HITS_MAX) return { hits, isCut: true };
  }
  return { hits, isCut: false };
}

// Upper and lower case are the same; every other character is itself. Null for no words.
export function patternOf(words: string): RegExp | null {
  return words.trim() ? new RegExp(words.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&'), 'giu') : null;
}

type Part = Omit<Hit, 'turn' | 'nth'> & { text: string };

// The texts of a turn, in the order in which they are drawn.
function partsOf(turn: Turn): Part[] {
  const parts: Part[] = [{ part: 'prompt', step: 0, call: '', seq: turn.seq, text: turn.command || turn.text }];
  for (const step of turn.steps) {
    const at = { step: step.step, call: '', seq: step.seq };
    for (const steer of turn.steers) if (steer.step === step.step) parts.push({ part: 'steer', ...at, text: steer.text });
    if (step.thinking) parts.push({ part: 'thinking', ...at, text: step.thinking });
    if (step.text) parts.push({ part: 'answer', ...at, text: step.text });
    for (const call of step.calls) parts.push({ part: 'call', step: step.step, call: call.id, seq: call.seq, text: callText(call) });
  }
  if (turn.error) parts.push({ part: 'ending', step: 0, call: '', seq: turn.steps.at(-1)?.seq ?? turn.seq, text: turn.error });
  return parts;
}

// What a call was given, and what came back.
function callText(call: Call): string {
  const changed = call.changes.map((change) => change.diff ?? '');
  return [...strings(call.args), ...(changed.some(Boolean) ? changed : [call.content || call.output])].join('\n');
}

// Every text of a call's arguments, however deep.
function strings(value: unknown): string[] {
  if (typeof value === 'string') return [value];
  if (typeof value === 'number' || typeof value === 'boolean') return [String(value)];
  return typeof value === 'object' && value !== null ? Object.values(value).flatMap(strings) : [];
}
