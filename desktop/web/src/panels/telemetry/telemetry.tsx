import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { allowNotifications } from '../../actions/view';
import { usePageState } from '../../hooks';
import { Triage } from '../triage/triage';

// LMX's own figures: memory in bytes, prompts in tokens, requests. Empty when LMX runs on another machine.
interface LmxFigures {
  memoryUsed?: number;
  memoryTotal?: number;
  memoryLimit?: number;
  loaded?: string[];
  running?: number;
  waiting?: number;
  cachedTokens?: number;
  promptTokens?: number;
}

export function Telemetry(): ReactNode {
  const metrics = usePageState((state) => state.metrics);
  const health = usePageState((state) => state.health);
  const rates = usePageState((state) => state.rates);
  const port = usePageState((state) => state.port);
  const running = usePageState((state) => state.transcript.running());
  const last = usePageState((state) => state.transcript.lastStats());
  const sandbox = health?.sandbox ?? '';
  const lmx = (metrics?.lmx ?? {}) as LmxFigures;
  const memory = lmx.memoryUsed && lmx.memoryTotal ? (100 * lmx.memoryUsed) / lmx.memoryTotal : null;
  const context = last?.contextLimit ? (100 * last.contextUsed) / last.contextLimit : null;
  return (
    <aside className="telemetry" aria-label="Telemetry">
      <Metric label="Tokens per second" value={metrics ? metrics.tokensPerSec.toFixed(1) : '–'} />
      <Spark rates={rates} />
      <Metric label="Memory of the model host" value={memory === null ? '–' : `${memory.toFixed(1)}%`} />
      <Bar percent={memory} />
      <Metric label="Context" value={context === null ? '–' : `${context.toFixed(0)}%`} />
      <Bar percent={context} />
      <h2>Daemon</h2>
      <dl>
        <Row name="Status" value={metrics ? '● Running' : '✕ Not answering'} tone={metrics ? 'ok' : 'err'} />
        <Row name="Sandbox" value={sandbox || '–'} tone={sandbox === 'none' ? 'err' : ''} />
        <Row name="Port" value={port ? String(port) : '–'} />
        <Row name="Uptime" value={metrics && health ? duration(health.uptime) : '–'} />
        <Row name="Sessions" value={metrics ? `${metrics.sessions}` : '–'} />
        <Row name="Turns running" value={metrics ? `${metrics.turnsRunning}` : '–'} />
        <EventSeq />
      </dl>
      <h2>LMX</h2>
      <dl>
        <Row name="Models" value={lmx.loaded?.join(', ') || '–'} />
        <Row name="Memory" value={lmx.memoryUsed && lmx.memoryLimit ? `${gib(lmx.memoryUsed)} of ${gib(lmx.memoryLimit)} GiB` : '–'} />
        <Row name="Requests" value={lmx.running === undefined ? '–' : `${lmx.running - (lmx.waiting ?? 0)} running, ${lmx.waiting ?? 0} waiting`} />
        <Row name="Prompts from cache" value={lmx.promptTokens ? `${((100 * (lmx.cachedTokens ?? 0)) / lmx.promptTokens).toFixed(0)}%` : '–'} />
      </dl>
      <h2>Active turn</h2>
      <dl>
        <Row name="Turn" value={running ? running.id : '–'} />
        <Row name="Elapsed" value={running ? `${Math.max(0, (Date.now() - Date.parse(running.ts)) / 1000).toFixed(0)} s` : '–'} />
        <Row name="Prompt tokens" value={last ? last.promptTokens.toLocaleString() : '–'} />
      </dl>
      <Triage />
      <ActionButton action={allowNotifications} argument={undefined} className="quiet" title={allowNotifications.name} />
    </aside>
  );
}

// Apart from the rest, because it changes with every event.
function EventSeq(): ReactNode {
  const seq = usePageState((state) => state.transcript.lastSeq);
  return <Row name="Event seq" value={seq.toLocaleString()} />;
}

function Metric({ label, value }: { label: string; value: string }): ReactNode {
  return (
    <div className="metric">
      <span className="dim">{label}</span>
      <span className="value num">{value}</span>
    </div>
  );
}

function Bar({ percent }: { percent: number | null }): ReactNode {
  const width = Math.min(100, percent ?? 0);
  return (
    <svg className={`bar-meter ${width > 80 ? 'warn' : 'live'}`} viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
      <rect className="track" width="100" height="4" />
      <rect width={width} height="4" />
    </svg>
  );
}

function Spark({ rates }: { rates: number[] }): ReactNode {
  const top = Math.max(1, ...rates);
  const points = rates.map((rate, at) => `${(at * 100) / 59},${24 - (22 * rate) / top}`).join(' ');
  return (
    <svg className="spark" viewBox="0 0 100 26" preserveAspectRatio="none" aria-hidden="true">
      <polyline points={points} />
    </svg>
  );
}

function Row({ name, value, tone = '' }: { name: string; value: string; tone?: string }): ReactNode {
  return (
    <div>
      <dt>{name}</dt>
      <dd className={`num ${tone}`}>{value}</dd>
    </div>
  );
}

function gib(bytes: number): string {
  return (bytes / 1024 ** 3).toFixed(1);
}

function duration(seconds: number): string {
  const minutes = Math.floor(seconds / 60);
  return minutes < 1 ? `${Math.floor(seconds)} s` : minutes < 60 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
