// A figure with its gauge and its last minute.

import type { ReactNode } from 'react';
import type { Series } from '../../figures';
import { classes } from '../../ui/kit/classes';
import styles from './metric.module.css';

export type Tone = '' | 'warn' | 'err';

// From here on a gauge is a warning, and an alarm.
const WARN_PERCENT = 80;
const ALARM_PERCENT = 95;
const POINTS = 59;

export function toneOf(percent: number | null): Tone {
  return percent === null || percent < WARN_PERCENT ? '' : percent < ALARM_PERCENT ? 'warn' : 'err';
}

export function Metric({ label, value, tone = '', hint = '' }: { label: string; value: string; tone?: Tone; hint?: string }): ReactNode {
  return (
    <div className={styles.metric}>
      <span className="dim">{label}</span>
      <span className={classes(styles.value, 'num', tone || styles.figure)}>{value}</span>
      {hint ? <span className={classes(styles.hint, 'num')}>{hint}</span> : null}
    </div>
  );
}

export function Bar({ value, tone = toneOf(value) }: { value: number | null; tone?: Tone }): ReactNode {
  return (
    <svg className={classes(styles.bar, tone || 'live')} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect className={styles.track} width="100" height="4" />
      <rect width={Math.min(100, value ?? 0)} height="4" />
    </svg>
  );
}

// `top`: the value at the upper edge; without one, the highest of the series.
export function Spark({ series, top }: { series: Series; top?: number }): ReactNode {
  // A line needs two points.
  if (series.filter((value) => value !== null).length < 2) return null;
  const highest = top ?? Math.max(1, ...series.map((value) => value ?? 0));
  // The newest at the right edge.
  const first = POINTS + 1 - series.length;
  const lines: string[][] = [[]];
  for (const [at, value] of series.entries()) {
    if (value === null) lines.push([]);
    else lines.at(-1)?.push(`${(((first + at) * 100) / POINTS).toFixed(1)},${(24 - (22 * Math.min(value, highest)) / highest).toFixed(1)}`);
  }
  return (
    <svg className={styles.spark} viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true">
      {lines.map((points, at) => (points.length > 1 ? <polyline key={at} points={points.join(' ')} /> : null))}
    </svg>
  );
}

export function Row({ name, value, tone = '' }: { name: string; value: string; tone?: string }): ReactNode {
  return (
    <div className={styles.row}>
      <dt>{name}</dt>
      <dd className={classes('num', tone || styles.figure)}>{value}</dd>
    </div>
  );
}
