// What a turn has besides prompts, answers and calls, at the seq where it happened: warnings, plans, pauses, and the marks of
// where it may have left its course.

import type { DivergenceMark } from '../../protocol';
import type { Turn } from '../../transcript';
import type { Remark } from '../../transcript_parts';

export interface Part {
  source: string;
  tokens: number;
  text: string;
}

export type Aside = { seq: number; ts: string } & (
  | { kind: Remark['kind'] | Exclude<DivergenceMark['kind'], 'injection' | 'escalation'>; text: string }
  // Everything that was added to the prompt at one point.
  | { kind: 'injected'; parts: Part[] }
);

const ADDED = /^(.*): (\d+) tokens were added to the prompt$/s;

// In order of seq. Who allowed a call stands with the call.
export function asidesOf(turn: Turn): Aside[] {
  const found: Aside[] = [];
  const used = new Set<number>();
  for (const mark of turn.marks) {
    if (mark.kind === 'escalation') continue;
    const added = mark.kind === 'injection' ? ADDED.exec(mark.text) : null;
    if (mark.kind !== 'injection') found.push({ seq: mark.seq, ts: mark.ts, kind: mark.kind, text: mark.text.replace(' -> ', ' → ') });
    else if (added) {
      const source = added[1] ?? '';
      const at = turn.injected.findIndex((part, index) => part.source === source && !used.has(index));
      used.add(at);
      found.push({ seq: mark.seq, ts: mark.ts, kind: 'injected', parts: [{ source, tokens: Number(added[2]), text: turn.injected[at]?.text ?? '' }] });
    }
  }
  for (const remark of turn.remarks) found.push(remark);
  found.sort((one, other) => one.seq - other.seq);
  return joined(found);
}

// What was added to the prompt at one point is one row.
function joined(asides: Aside[]): Aside[] {
  const rows: Aside[] = [];
  for (const aside of asides) {
    const last = rows.at(-1);
    if (aside.kind === 'injected' && last?.kind === 'injected' && aside.seq - last.seq <= last.parts.length) last.parts.push(...aside.parts);
    else rows.push(aside);
  }
  return rows;
}

// The asides from one seq to before another.
export function between(asides: Aside[], from: number, to: number): Aside[] {
  return asides.filter((aside) => aside.seq >= from && aside.seq < to);
}
