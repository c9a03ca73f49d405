import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { applyFix, canFix, diagnose, replayTurn, saveEvidence } from '../../actions/triage';
import { usePageState } from '../../hooks';
import type { TriageStep } from '../../protocol';

const NAMES: Record<TriageStep['name'], string> = { route: 'Route', heartbeat: 'Heartbeat', divergence: 'Divergence', probe: 'Probe turn', domain: 'Failure domain' };

// What is wrong, in five steps with their evidence, and the fix as a button.
export function Triage(): ReactNode {
  const diagnosis = usePageState((state) => state.diagnosis);
  const isDiagnosing = usePageState((state) => state.isDiagnosing);
  const isFixing = usePageState((state) => state.isFixing);
  const replayed = usePageState((state) => state.replayed);
  const isFailed = usePageState((state) => state.transcript.resumable() !== undefined);
  const fix = diagnosis?.fix;
  return (
    <section className="triage" aria-label="Diagnosis" aria-busy={isDiagnosing || isFixing}>
      <h2>Diagnosis</h2>
      <div className="triage-buttons">
        <ActionButton action={diagnose} argument={undefined} title={diagnose.name}>
          {isDiagnosing ? 'Diagnosing …' : diagnose.label}
        </ActionButton>
        <ActionButton action={saveEvidence} argument={undefined} className="quiet" title={saveEvidence.name} />
        {isFailed ? <ActionButton action={replayTurn} argument={undefined} className="quiet" title={replayTurn.name} /> : null}
      </div>
      {diagnosis ? (
        <>
          <p className={diagnosis.healthy ? 'ok' : 'err'} role="status">
            {diagnosis.healthy ? '● Nothing is broken' : `✕ ${diagnosis.domain}: ${diagnosis.reason}`}
          </p>
          <ol>
            {diagnosis.steps.map((step) => (
              <li key={step.number}>
                <span className={step.ok ? 'ok' : 'warn'}>{step.ok ? '✓' : '✕'}</span> <strong>{NAMES[step.name]}</strong> <span className="dim">{step.text}</span>
              </li>
            ))}
          </ol>
          {fix ? (
            canFix(fix) ? (
              <ActionButton action={applyFix} argument={fix} title={fix.command}>
                {isFixing ? 'Fixing …' : fix.label}
              </ActionButton>
            ) : (
              <p>
                {fix.label}: <code>{fix.command}</code>
              </p>
            )
          ) : null}
          <p className="dim num">
            {(diagnosis.elapsedMs ?? 0) > 0 ? `${((diagnosis.elapsedMs ?? 0) / 1000).toFixed(1)} s` : ''} · {diagnosis.at.slice(11, 19)} UTC
          </p>
        </>
      ) : null}
      {replayed ? <p role="status">{replayed}</p> : null}
    </section>
  );
}
