import type { ReactNode } from 'react';
import type { UsageFigures } from '../../protocol';
import { number } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { amount, MEASURE_WORDS, MEASURES, type Measure } from './amounts';
import styles from './usage.module.css';

// The sums of the whole period.
export function Totals({ total }: { total: UsageFigures }): ReactNode {
  const words = useWords('usage');
  const about: Partial<Record<Measure, string>> = {
    ...(total.cachedTokens ? { promptTokens: words('cached', { count: number(total.cachedTokens) }) } : {}),
    ...(total.failed ? { calls: words('failedCalls', { count: total.failed }) } : {}),
  };
  return (
    <dl className={styles.totals} aria-label={words('totals')}>
      {MEASURES.map((measure) => (
        <Total key={measure} name={words(MEASURE_WORDS[measure])} value={amount(total, measure)} about={about[measure] ?? ''} />
      ))}
      <Total name={words('turns')} value={number(total.turns)} about={total.unfinished ? words('unfinished', { count: total.unfinished }) : ''} />
    </dl>
  );
}

function Total({ name, value, about }: { name: string; value: string; about: string }): ReactNode {
  return (
    <div>
      <dt className="dim">{name}</dt>
      <dd className="num">
        {value} {about ? <small className="dim">{about}</small> : null}
      </dd>
    </div>
  );
}
