// How figures are written. What is not known is a dash, never a zero.

export const UNKNOWN = '–';

export function percent(value: number | null, digits: number): string {
  return value === null ? UNKNOWN : `${value.toFixed(digits)}%`;
}

export function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}

export function milliseconds(ms: number | null): string {
  if (ms === null) return UNKNOWN;
  return ms < 10 ? `${ms.toFixed(1)} ms` : ms < 1_000 ? `${ms.toFixed(0)} ms` : `${(ms / 1_000).toFixed(1)} s`;
}

export function seconds(ms: number | null): string {
  if (ms !== null && ms < 100) return milliseconds(ms);
  return ms === null ? UNKNOWN : `${(ms / 1_000).toFixed(ms < 10_000 ? 2 : 0)} s`;
}

export function duration(s: number): string {
  const minutes = Math.floor(s / 60);
  return minutes < 1 ? `${Math.floor(s)} s` : minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
