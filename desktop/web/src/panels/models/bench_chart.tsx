import type { ReactNode } from 'react';
import { number } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import styles from './models.module.css';

export interface BenchBar {
  tokens: number;
  // Tokens per second.
  rate: number;
}

const WIDTH = 220;
const HEIGHT = 96;
const TOP = 16;
const FLOOR = 78;
const BAR_MAX = 44;

// A bar for each length of a prompt, with its figure above and the length below.
export function BenchChart({ title, bars }: { title: string; bars: readonly BenchBar[] }): ReactNode {
  const words = useWords('models.bench');
  if (!bars.length) return null;
  const highest = Math.max(...bars.map(({ rate }) => rate));
  const column = WIDTH / bars.length;
  const width = Math.min(BAR_MAX, column * 0.6);
  const values = bars.map(({ tokens, rate }) => words('value', { rate: rateText(rate), tokens })).join(', ');
  return (
    <figure className={styles.chart}>
      <figcaption>{title}</figcaption>
      <svg width={WIDTH} height={HEIGHT} viewBox={`0 0 ${WIDTH} ${HEIGHT}`} role="img" aria-label={words('chart', { title, values })}>
        <line x1="0" x2={WIDTH} y1={FLOOR} y2={FLOOR} />
        {bars.map(({ tokens, rate }, at) => {
          const height = Math.max(2, ((FLOOR - TOP) * rate) / highest);
          const middle = column * (at + 0.5);
          return (
            <g key={tokens}>
              <rect x={middle - width / 2} y={FLOOR - height} width={width} height={height} rx="2" />
              <text x={middle} y={FLOOR - height - 4}>
                {rateText(rate)}
              </text>
              <text x={middle} y={HEIGHT - 4} className={styles.length}>
                {number(tokens)}
              </text>
            </g>
          );
        })}
      </svg>
    </figure>
  );
}

export function rateText(rate: number): string {
  return number(rate, rate < 100 ? 1 : 0);
}
