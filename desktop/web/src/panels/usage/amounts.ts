// Amounts as they are shown. What is not known exactly says so: ≈ for what was counted in pieces, ≥ for what is at least so much.

import type { UsageFigures } from '../../protocol';
import { compact, duration, number } from '../../strings/formats';

export type Measure = 'promptTokens' | 'tokens' | 'seconds' | 'calls';
export const MEASURES = ['promptTokens', 'tokens', 'seconds', 'calls'] as const satisfies readonly Measure[];
export const MEASURE_WORDS = { promptTokens: 'read', tokens: 'written', seconds: 'time', calls: 'calls' } as const satisfies Record<Measure, string>;

// What stands before an amount: '' for what is exact.
export function certainty(of: UsageFigures, measure: Measure): '' | '≈ ' | '≥ ' {
  if (measure === 'tokens' && of.unreported) return '≈ ';
  if (measure === 'promptTokens' || measure === 'tokens') return of.unreported || of.cut ? '≥ ' : '';
  return measure === 'seconds' && of.unfinished ? '≥ ' : '';
}

export function amount(of: UsageFigures, measure: Measure): string {
  return `${certainty(of, measure)}${bare(of[measure], measure)}`;
}

export function bare(value: number, measure: Measure): string {
  return measure === 'seconds' ? duration(value * 1_000) : number(value);
}

// Few characters, for a head of a chart.
export function short(value: number, measure: Measure): string {
  return measure === 'seconds' ? duration(value * 1_000) : compact(value);
}
