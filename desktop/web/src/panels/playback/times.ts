// Times of a playback in words.

import { dateTime, number } from '../../strings/formats';

// A moment as the person's clock showed it.
export function clockTime(ms: number): string {
  return dateTime(new Date(ms).toISOString());
}

// How long something took: the two largest units.
export function span(ms: number): string {
  const seconds = Math.round(ms / 1_000);
  const parts: [number, string][] = [
    [Math.floor(seconds / 86_400), 'd'],
    [Math.floor(seconds / 3_600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'min'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([value]) => value > 0);
  if (first < 0) return '0 s';
  return parts
    .slice(first, first + 2)
    .filter(([value]) => value > 0)
    .map(([value, unit]) => `${number(value)} ${unit}`)
    .join(' ');
}
