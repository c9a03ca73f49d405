// Figures of the daemon, of its model and of the running turn as they were at the last measurement, with a short history of each.
//
// What is not known is null, never zero. Nothing here is shown once the daemon is out of reach (`withoutFigures`).

import type { AnyEvent, Health, Metrics } from './protocol';

// A minute of the metrics, which come each second.
const HISTORY_MAX = 60;
// Figures that are older are not of now.
export const STALE_MS = 5_000;

export type Series = readonly (number | null)[];

// LMX's own figures: memory in bytes, prompts in tokens, requests.
export interface LmxFigures {
  // Where LMX runs, when that is another machine.
  host?: string;
  memoryUsed?: number;
  memoryTotal?: number;
  memoryLimit?: number;
  loaded?: string[];
  running?: number;
  waiting?: number;
  cachedTokens?: number;
  promptTokens?: number;
}

export interface Figures {
  // When the last metrics came (milliseconds of the page's clock), 0 for never.
  at: number;
  metrics: Metrics | null;
  rates: Series;
  // Percent of the model host's memory.
  memory: Series;
  // Percent of the context of the open session.
  context: Series;
  // Milliseconds from a request to its empty answer.
  roundTrips: Series;
}

export const NO_FIGURES: Figures = { at: 0, metrics: null, rates: [], memory: [], context: [], roundTrips: [] };

export function lmxOf(metrics: Metrics | null): LmxFigures {
  return (metrics?.lmx ?? {}) as LmxFigures;
}

// Of the machine's memory; of what LMX may use, where the machine's is not known. Null: unknown.
export function memoryPercent({ memoryUsed, memoryTotal, memoryLimit }: LmxFigures): number | null {
  const whole = memoryTotal || memoryLimit;
  return memoryUsed !== undefined && whole ? (100 * memoryUsed) / whole : null;
}

// The `metrics` control line, sent each second. Its metrics are null while the session store does not answer.
export interface MetricsLine {
  metrics: Metrics | null;
  health: Health;
}

export function withMetrics(figures: Figures, metrics: Metrics | null, context: number | null, now: number): Figures {
  return {
    ...figures,
    at: now,
    metrics,
    rates: added(figures.rates, metrics?.tokensPerSec ?? null),
    memory: added(figures.memory, memoryPercent(lmxOf(metrics))),
    context: added(figures.context, context),
  };
}

export function withRoundTrip(figures: Figures, ms: number | null): Figures {
  return { ...figures, roundTrips: added(figures.roundTrips, ms) };
}

// The daemon is out of reach: its history stays, and a gap is in it.
export function withoutFigures(figures: Figures): Figures {
  return { ...figures, metrics: null, at: 0, rates: added(figures.rates, null), memory: added(figures.memory, null), roundTrips: added(figures.roundTrips, null) };
}

function added(series: Series, value: number | null): Series {
  // One gap is enough, however often nothing came.
  if (value === null && series.at(-1) === null) return series;
  return [...series, value].slice(-HISTORY_MAX);
}

export function last(series: Series): number | null {
  return series.at(-1) ?? null;
}

// The time to the first token of the newest turn whose events this page has seen, in milliseconds.
export interface FirstToken {
  turn: string;
  askedAt: number;
  // Null while the model has not spoken.
  ms: number | null;
}

export function withEvent(first: FirstToken, event: AnyEvent): FirstToken {
  switch (event.event) {
    case 'step.start':
      return event.turn === first.turn ? first : { turn: event.turn ?? '', askedAt: Date.parse(event.ts ?? ''), ms: null };
    case 'turn.token':
    case 'turn.thinking':
      return event.turn === first.turn && first.ms === null ? { ...first, ms: Date.parse(event.ts ?? '') - first.askedAt } : first;
    case 'turn.done':
      // The agent measures at the model itself.
      return event.firstTokenMs ? { turn: event.turn ?? '', askedAt: first.askedAt, ms: event.firstTokenMs } : first;
    default:
      return first;
  }
}
