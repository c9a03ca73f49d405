// The figures of a turn that has ended: as its last event gives them, or as its steps show when it did not finish.

import type { Turn } from '../../transcript';

export interface TurnFigures {
  tokens: number;
  rate: number;
  elapsedS: number;
  firstTokenMs: number;
  tools: number;
  steps: number;
  thinkingTokens: number;
  // Share of the prompts' tokens that came from a cache, 0 to 100; null when no prompt was counted.
  cachedPercent: number | null;
  // Every model that answered, in order.
  models: string[];
  children: number;
  childTokens: number;
}

export function figuresOf(turn: Turn): TurnFigures {
  const { steps, stats } = turn;
  const sum = (of: (step: Turn['steps'][number]) => number) => steps.reduce((total, step) => total + of(step), 0);
  const prompt = sum((step) => step.promptTokens);
  const elapsedS = stats?.elapsed ?? Math.max(0, secondsBetween(turn.ts, turn.endedAt));
  const first = steps[0];
  return {
    tokens: stats?.tokens ?? sum((step) => step.tokens),
    rate: stats?.tokensPerSec ?? 0,
    elapsedS,
    firstTokenMs: stats?.firstTokenMs || (first?.firstAt ? 1_000 * secondsBetween(first.startedAt, first.firstAt) : 0),
    tools: stats?.tools ?? sum((step) => step.calls.length),
    steps: steps.length,
    thinkingTokens: stats?.thinkingTokens || sum((step) => step.thinkingTokens),
    cachedPercent: prompt ? Math.round((100 * sum((step) => step.cachedTokens)) / prompt) : null,
    models: [...new Set(steps.map((step) => step.model))],
    children: stats?.children ?? 0,
    childTokens: stats?.childTokens ?? 0,
  };
}

// Between two times of the journal; 0 while one of them is not known.
export function secondsBetween(from: string, to: string): number {
  return from && to ? (Date.parse(to) - Date.parse(from)) / 1_000 : 0;
}
