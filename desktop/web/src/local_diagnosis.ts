// What the page can say by itself while the gateway does not answer: from the processes as the desktop process sees them. Pure.

import type { ServiceRow } from './bridge';
import type { Diagnosis, Fix, Hop } from './protocol';

// supervisord's words for a process that it runs.
const RUNS = ['running', 'starting'];

// `services`: null when the desktop process does not answer either.
export function localDiagnosis(services: ServiceRow[] | null, model: string, at: string): Diagnosis {
  const { domain, reason, fix } = conclusionOf(services);
  const hops: Hop[] = (services ?? []).map(({ name, state, pid }) => ({ name, pid, state: hopState(name, state), reason: RUNS.includes(state) ? '' : `supervisord says ${state}` }));
  const heartbeat = hops.map(({ name, state }) => `${name} ${state}`).join(', ') || 'nothing answered';
  const steps: Diagnosis['steps'] = [
    { number: 1, name: 'route', ok: false, text: 'not known: the gateway does not answer' },
    { number: 2, name: 'heartbeat', ok: false, text: heartbeat },
    { number: 3, name: 'divergence', ok: true, skipped: true, text: 'not looked at: the gateway does not answer' },
    { number: 4, name: 'probe', ok: true, skipped: true, text: 'not sent: the gateway does not answer' },
    { number: 5, name: 'domain', ok: false, text: `${domain}: ${reason} Fix: ${fix.label} (${fix.command})` },
  ];
  return { at, healthy: false, steps, evidence: { hops, route: { model } }, findings: [{ cause: 'gateway', severity: 'fault', domain, reason, fix, hop: 'gateway' }], domain, severity: 'fault', reason, fix };
}

function conclusionOf(services: ServiceRow[] | null): { domain: 'transport' | 'interface'; reason: string; fix: Fix } {
  const command = 'opta daemon restart gateway';
  const gateway = services?.find(({ name }) => name === 'gateway');
  if (!services || !gateway) {
    const reason = services ? 'The gateway is none of the processes that supervisord has.' : 'Neither the gateway nor the process that serves this page answers.';
    return { domain: services ? 'transport' : 'interface', reason, fix: { kind: 'command', label: 'Repair it in a terminal', command: 'opta doctor --fix' } };
  }
  if (RUNS.includes(gateway.state))
    return { domain: 'transport', reason: 'The gateway, which clients talk to, runs and does not answer.', fix: { kind: 'restart_service', target: 'gateway', label: 'Restart gateway', command, automatic: true } };
  return {
    domain: 'transport',
    reason: `The gateway, which clients talk to, does not run (supervisord says ${gateway.state}).`,
    fix: { kind: 'start_service', target: 'gateway', label: 'Start gateway', command, automatic: true },
  };
}

function hopState(name: string, state: string): Hop['state'] {
  // LMX is started only where it is used.
  if (name === 'lmx' && state === 'stopped') return 'not used';
  if (!RUNS.includes(state)) return 'down';
  return name === 'gateway' ? 'silent' : 'unknown';
}
