// What the daemon, its model and the running turn do, as figures of now. What is not known is a dash, and what is old is dimmed.

import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { showDaemon } from '../../actions/daemon';
import { allowNotifications } from '../../actions/view';
import { useActionWords } from '../../actions/words';
import { last, lmxOf, memoryPercent } from '../../figures';
import { usePageState } from '../../hooks';
import { contextOf } from '../../state';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { TriageLine } from '../triage/triage_line';
import { gib, milliseconds, number, percent, UNKNOWN, uptime } from '../../strings/formats';
import { ActiveTurn } from './active_turn';
import { Bar, Metric, Row, Spark, toneOf } from './metric';
import { Services, useIsLmxUnused } from './services';
import { STATUS_TONES, statusOf } from './status';
import styles from './telemetry.module.css';
import { useAge, useRoundTrips } from './use_figures';

export function TelemetryColumn(): ReactNode {
  const words = useWords('telemetry');
  return (
    <aside className={styles.column} aria-label={words('title')}>
      <TelemetryPanel />
    </aside>
  );
}

export function TelemetryPanel(): ReactNode {
  const words = useWords('telemetry');
  const notify = useActionWords(allowNotifications);
  const { isStale, seconds } = useAge();
  useRoundTrips();
  return (
    <div className={classes(styles.panel, isStale && styles.stale)}>
      {isStale ? (
        <p className="warn" role="status">
          {words('stale', { seconds })}
        </p>
      ) : null}
      <Gauges />
      <DaemonRows />
      <Services />
      <Lmx />
      <ActiveTurn />
      <TriageLine />
      <ActionButton action={allowNotifications} argument={undefined} className="quiet" title={notify.name} />
    </div>
  );
}

function Gauges(): ReactNode {
  const words = useWords('telemetry');
  const { metrics, rates, memory, context: history } = usePageState((state) => state.figures);
  const used = usePageState((state) => contextOf(state)?.used ?? 0);
  const limit = usePageState((state) => contextOf(state)?.limit ?? 0);
  const context = limit ? (100 * used) / limit : null;
  const lmx = lmxOf(metrics);
  const host = memoryPercent(lmx);
  const tone = toneOf(context);
  const isLmxUnused = useIsLmxUnused();
  return (
    <>
      <Metric label={words('rate')} value={metrics ? number(metrics.tokensPerSec, 1) : UNKNOWN} />
      <Spark series={rates} />
      {isLmxUnused ? null : (
        <>
          <Metric label={words('memory')} value={percent(host, 1)} hint={lmx.host ? words('memoryOf', { host: lmx.host }) : ''} />
          <Bar value={host} />
          <Spark series={memory} top={100} />
        </>
      )}
      <Metric label={words('context')} value={percent(context, 0)} tone={tone} hint={context === null ? '' : words(tone === 'err' ? 'contextFull' : tone === 'warn' ? 'contextLow' : 'contextLeft', { tokens: Math.max(0, limit - used) })} />
      <Bar value={context} tone={tone} />
      <Spark series={history} top={100} />
    </>
  );
}

function DaemonRows(): ReactNode {
  const words = useWords('telemetry');
  const { metrics, at, roundTrips } = usePageState((state) => state.figures);
  const health = usePageState((state) => (state.figures.at ? state.health : null));
  const port = usePageState((state) => state.port);
  const sandbox = health?.sandbox ?? '';
  const show = useActionWords(showDaemon);
  const status = usePageState(statusOf);
  return (
    <section aria-labelledby="telemetry-daemon" className={styles.daemon}>
      <h2 id="telemetry-daemon">{words('daemon')}</h2>
      <ActionButton action={showDaemon} argument={undefined} className={classes('quiet', styles.open)} title={show.name}>
        {words('daemonOpen')}
      </ActionButton>
      <dl>
        <Row name={words('status')} value={words(status)} tone={STATUS_TONES[status]} />
        <Row name={words('sandbox')} value={sandbox || UNKNOWN} tone={sandbox === 'none' ? 'err' : ''} />
        <Row name={words('port')} value={at && port ? String(port) : UNKNOWN} />
        <Row name={words('uptime')} value={health ? uptime(health.uptime) : UNKNOWN} />
        <Row name={words('sessions')} value={metrics ? `${metrics.sessions}` : UNKNOWN} />
        <Row name={words('turnsRunning')} value={metrics ? `${metrics.turnsRunning}` : UNKNOWN} />
        <EventSeq />
        <Row name={words('roundTrip')} value={milliseconds(at ? last(roundTrips) : null)} />
      </dl>
      <Spark series={roundTrips} />
    </section>
  );
}

// Apart from the rest, because it changes with every event.
function EventSeq(): ReactNode {
  const words = useWords('telemetry');
  const seq = usePageState((state) => state.transcript.lastSeq);
  return <Row name={words('seq')} value={seq ? number(seq) : UNKNOWN} />;
}

function Lmx(): ReactNode {
  const words = useWords('telemetry');
  const { host, loaded, memoryUsed, memoryLimit, running, waiting = 0, cachedTokens = 0, promptTokens } = lmxOf(usePageState((state) => state.figures.metrics));
  if (useIsLmxUnused()) return null;
  return (
    <section aria-labelledby="telemetry-lmx">
      <h2 id="telemetry-lmx">{words('lmx')}</h2>
      <dl>
        {host ? <Row name={words('host')} value={host} /> : null}
        <Row name={words('models')} value={loaded?.join(', ') || UNKNOWN} />
        <Row name={words('used')} value={memoryUsed !== undefined && memoryLimit ? words('usedOf', { used: gib(memoryUsed), limit: gib(memoryLimit) }) : UNKNOWN} />
        <Row name={words('requests')} value={running === undefined ? UNKNOWN : words('requestsNow', { running: running - waiting, waiting })} />
        <Row name={words('fromCache')} value={percent(promptTokens ? (100 * cachedTokens) / promptTokens : null, 0)} />
      </dl>
    </section>
  );
}
