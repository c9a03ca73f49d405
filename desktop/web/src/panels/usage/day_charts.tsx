// Small charts of the days: one for each measure, and the same figures as a table.

import type { ReactNode } from 'react';
import type { UsageGroup } from '../../protocol';
import { dayOfName as dayWords, number } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { amount, bare, MEASURE_WORDS, MEASURES, type Measure, short } from './amounts';
import styles from './usage.module.css';

const HEIGHT = 100;
// Of what is not nothing, something is to be seen.
const LEAST = 2;

export function DayCharts({ days }: { days: UsageGroup[] }): ReactNode {
  const words = useWords('usage');
  return (
    <section aria-label={words('perDay')}>
      <h3>{words('perDay')}</h3>
      <div className={styles.charts}>
        {MEASURES.map((measure) => (
          <DayChart key={measure} days={days} measure={measure} />
        ))}
      </div>
      <details className={styles.table}>
        <summary>{words('table')}</summary>
        <DayTable days={days} />
      </details>
    </section>
  );
}

function DayChart({ days, measure }: { days: UsageGroup[]; measure: Measure }): ReactNode {
  const words = useWords('usage');
  const what = words(MEASURE_WORDS[measure]);
  const most = days.reduce<UsageGroup | null>((found, day) => (day[measure] > (found?.[measure] ?? 0) ? day : found), null);
  const total = days.reduce((sum, day) => sum + day[measure], 0);
  const label = most ? words('chart', { what, total: bare(total, measure), most: amount(most, measure), day: dayWords(most.name) }) : words('none', { what });
  const [first, last] = [days[0], days.at(-1)];
  return (
    <figure className={styles.chart}>
      <figcaption>
        <span>{what}</span> <span className="dim num">{most ? words('most', { most: short(most[measure], measure) }) : '–'}</span>
      </figcaption>
      <svg role="img" aria-label={label} viewBox={`0 0 ${days.length} ${HEIGHT}`} preserveAspectRatio="none" className={styles[measure]}>
        <line x1="0" x2={days.length} y1={HEIGHT} y2={HEIGHT} />
        {days.map((day, at) => {
          const height = day[measure] ? Math.max(LEAST, (HEIGHT * day[measure]) / (most?.[measure] ?? 1)) : 0;
          return (
            <rect key={day.name} x={at + 0.1} width={0.8} y={HEIGHT - height} height={height}>
              <title>{words('bar', { day: dayWords(day.name), value: amount(day, measure) })}</title>
            </rect>
          );
        })}
      </svg>
      <p className={`dim num ${styles.ends}`} aria-hidden="true">
        <span>{first ? dayWords(first.name) : ''}</span>
        <span>{last ? dayWords(last.name) : ''}</span>
      </p>
    </figure>
  );
}

// Days without anything are left out, the newest is first.
function DayTable({ days }: { days: UsageGroup[] }): ReactNode {
  const words = useWords('usage');
  const used = days.filter((day) => day.turns || day.cut || MEASURES.some((measure) => day[measure])).reverse();
  return (
    <div className={styles.wide} tabIndex={0} role="region" aria-label={words('table')}>
      <table className="num">
        <thead>
          <tr>
            <th scope="col">{words('day')}</th>
            {MEASURES.map((measure) => (
              <th key={measure} scope="col">
                {words(MEASURE_WORDS[measure])}
              </th>
            ))}
            <th scope="col">{words('turns')}</th>
          </tr>
        </thead>
        <tbody>
          {used.map((day) => (
            <tr key={day.name}>
              <th scope="row">{dayWords(day.name)}</th>
              {MEASURES.map((measure) => (
                <td key={measure}>{amount(day, measure)}</td>
              ))}
              <td>{number(day.turns)}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
