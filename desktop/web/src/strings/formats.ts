// Numbers, sizes, spans of time, dates and times in the language of the page. The only module that asks `Intl` for them.
//
// What is not known is a dash, never a zero. Symbols of units (ms, kB, GiB) are the same in every language.

import { spoken } from './spoken';

export const UNKNOWN = '–';

const numbers = new Map<string, Intl.NumberFormat>();
const dates = new Map<string, Intl.DateTimeFormat>();

// Making a formatter takes longer than using it a hundred times.
function kept<Made>(made: Map<string, Made>, options: object, make: (locale: string) => Made): Made {
  const { locale } = spoken();
  const key = `${locale} ${JSON.stringify(options)}`;
  const found = made.get(key) ?? make(locale);
  made.set(key, found);
  return found;
}

function formatted(value: number, options: Intl.NumberFormatOptions): string {
  return kept(numbers, options, (locale) => new Intl.NumberFormat(locale, options)).format(value);
}

function dated(at: string | Date, options: Intl.DateTimeFormatOptions): string {
  const date = new Date(at);
  return Number.isNaN(date.getTime()) ? '' : kept(dates, options, (locale) => new Intl.DateTimeFormat(locale, options)).format(date);
}

// With so many digits behind the point.
export function number(value: number, digits = 0): string {
  return formatted(value, { minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// Of 0 to 100.
export function percent(value: number | null, digits: number): string {
  return value === null ? UNKNOWN : formatted(value / 100, { style: 'percent', minimumFractionDigits: digits, maximumFractionDigits: digits });
}

// 950, 26.8k, 262k.
export function thousands(tokens: number): string {
  if (tokens < 1000) return number(tokens);
  const count = tokens / 1000;
  return `${formatted(count, { maximumFractionDigits: count < 100 ? 1 : 0 })}k`;
}

export function gib(bytes: number): string {
  return number(bytes / 1024 ** 3, 1);
}

export function mebibytes(bytes: number): string {
  return `${number(bytes / 1024 ** 2)} MiB`;
}

const UNITS = ['B', 'kB', 'MB', 'GB', 'TB'] as const;

// Sizes of models and memories as their makers state them: decimal, with one figure behind the point below 10.
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1_000 && unit < UNITS.length - 1) {
    value /= 1_000;
    unit += 1;
  }
  return `${number(value, unit > 1 && value < 9.95 ? 1 : 0)} ${UNITS[unit]}`;
}

// 1.2 ms, 82 ms, 2.1 s.
export function milliseconds(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  return ms < 10 ? `${number(ms, 1)} ms` : ms < 1_000 ? `${number(ms)} ms` : `${number(ms / 1_000, 1)} s`;
}

export function wholeMilliseconds(ms: number): string {
  return `${number(ms)} ms`;
}

export function seconds(ms: number | null): string {
  if (ms !== null && ms < 100) return milliseconds(ms);
  return ms === null ? UNKNOWN : `${number(ms / 1_000, ms < 10_000 ? 2 : 0)} s`;
}

export function wholeSeconds(ms: number): string {
  return `${number(ms / 1_000)} s`;
}

// 82 ms, 2.1 s, 3 min 4 s, 2 h 5 min.
export function duration(ms: number): string {
  if (ms < 1_000) return wholeMilliseconds(ms);
  if (ms < 59_950) return `${number(ms / 1_000, 1)} s`;
  return clockOf(Math.round(ms / 1_000));
}

// The same for a clock that runs: whole seconds.
export function elapsed(ms: number): string {
  const whole = Math.max(0, Math.floor(ms / 1_000));
  return whole < 60 ? `${number(whole)} s` : clockOf(whole);
}

function clockOf(whole: number): string {
  const minutes = Math.floor(whole / 60);
  return minutes < 60 ? `${number(minutes)} min ${number(whole % 60)} s` : `${number(Math.floor(minutes / 60))} h ${number(minutes % 60)} min`;
}

// How long a process runs: 12 s, 5 min, 2 h 5 min.
export function uptime(s: number): string {
  const minutes = Math.floor(s / 60);
  return minutes < 1 ? `${number(Math.floor(s))} s` : minutes < 60 ? `${number(minutes)} min` : clockOf(minutes * 60);
}

// The functions below take a time of the journal; '' where it is none.

// Sat, 5 December 2026.
export function day(at: string): string {
  return dated(at, { weekday: 'short', day: 'numeric', month: 'long', year: 'numeric' });
}

export function time(at: string): string {
  return dated(at, { hour: '2-digit', minute: '2-digit' });
}

export function timeWithSeconds(at: string): string {
  return dated(at, { hour: 'numeric', minute: '2-digit', second: '2-digit' });
}

export function dateTime(at: string): string {
  return dated(at, { dateStyle: 'medium', timeStyle: 'medium' });
}

// As the journal and the logs write it: hours, minutes and seconds of UTC.
export function timeOfUtc(at: string): string {
  return dated(at, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23', timeZone: 'UTC' });
}

// "now", in one word.
export function justNow(): string {
  return new Intl.RelativeTimeFormat(spoken().locale, { numeric: 'auto' }).format(0, 'second');
}

// 1.2K, 3.4M: for the head of a chart.
export function compact(value: number): string {
  return formatted(value, { notation: 'compact', maximumFractionDigits: 1 });
}

// A day that is named as 2026-11-30.
export function dayOfName(name: string): string {
  return dated(`${name}T12:00:00`, { dateStyle: 'medium' });
}
