// How fast models are: the measurement that runs, and the last result of each.

import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { ActionButton } from '../../actions/button';
import { stopBench } from '../../actions/models';
import { usePage } from '../../hooks';
import type { ModelBench } from '../../protocol';
import { benchesQuery } from '../../queries';
import { number } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { When } from '../../ui/when';
import { line } from '../../visible';
import { Section } from '../settings/section';
import { BenchChart } from './bench_chart';
import styles from './models.module.css';

export function Benches(): ReactNode {
  const page = usePage();
  const words = useWords('models.bench');
  const { data, error } = useQuery(benchesQuery(page.daemon));
  const isRunning = Boolean(data?.running);
  useEffect(() => {
    // A measurement loads its model.
    if (isRunning) return () => void page.queries.invalidateQueries({ queryKey: ['models', 'lmx'] });
    return undefined;
  }, [page, isRunning]);
  const results = newest(data?.results ?? []);
  return (
    <Section title={words('title')} hint={words('hint')} command="opta models bench NAME">
      {error ? <p className="err">{line(error.message)}</p> : null}
      {data?.running ? <Running bench={data.running} /> : null}
      {data && !data.running && !results.length ? <p className="dim">{words('none')}</p> : null}
      {results.map((bench) => (
        <Result key={`${bench.model} ${bench.at}`} bench={bench} />
      ))}
    </Section>
  );
}

// The last result of each model on each host.
function newest(results: readonly ModelBench[]): ModelBench[] {
  return results.filter(({ model, host }, at) => results.findIndex((each) => each.model === model && each.host === host) === at);
}

function Running({ bench }: { bench: ModelBench }): ReactNode {
  const words = useWords('models.bench');
  const { planned = [], points = [], isLoaded } = bench;
  const model = line(bench.model);
  return (
    <div className={styles.running}>
      <span className={styles.words} role="status">
        {isLoaded ? words('running', { model, done: points.length, planned: planned.length }) : words('loading', { model })}
      </span>
      <progress aria-label={words('progressOf', { model })} max={planned.length || 1} value={isLoaded ? points.length : undefined} />
      <ActionButton action={stopBench} argument={undefined} label={words('stopOf', { model })}>
        {words('stop')}
      </ActionButton>
    </div>
  );
}

function Result({ bench }: { bench: ModelBench }): ReactNode {
  const words = useWords('models.bench');
  const { points = [], state, host = '', reason = '', elapsedS = 0 } = bench;
  const model = line(bench.model);
  const measured = points.filter(({ tokens = 0 }) => tokens > 0);
  const bars = (field: 'promptPerS' | 'tokensPerS') => measured.map((point) => ({ tokens: point.tokens ?? 0, rate: point[field] ?? 0 })).filter(({ rate }) => rate > 0);
  const first = measured.filter(({ firstTokenS = 0 }) => firstTokenS > 0).map(({ tokens = 0, firstTokenS = 0 }) => words('firstValue', { seconds: number(firstTokenS, 2), tokens }));
  return (
    <article className={styles.bench} aria-label={words('resultOf', { model })}>
      <p>
        <b>{model}</b> {host ? <span className="dim">{words('host', { host: line(host) })}</span> : null} {state === 'done' ? null : <span className="warn">{words('state', { state })}</span>}{' '}
        <span className="dim num">
          <When at={bench.at} /> · {words('took', { seconds: number(elapsedS, 1) })}
        </span>
      </p>
      {reason && state === 'failed' ? <p className="err">{line(reason)}</p> : null}
      <div className={styles.charts}>
        <BenchChart title={words('prompt')} bars={bars('promptPerS')} />
        <BenchChart title={words('answer')} bars={bars('tokensPerS')} />
      </div>
      {measured.length ? <p className="dim">{words('unit')}</p> : null}
      {first.length ? <p className="dim num">{words('first', { values: first.join(', ') })}</p> : null}
      {points
        .filter(({ problem }) => problem)
        .map(({ wanted, problem = '' }) => (
          <p key={wanted} className="dim">
            {words('notMeasured', { tokens: wanted, reason: line(problem) })}
          </p>
        ))}
    </article>
  );
}
