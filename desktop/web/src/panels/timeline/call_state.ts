// The state of a call as its card shows it: more than the fold keeps, because the code of a result says how it ended.

import type { Call } from '../../transcript';

export type CardState = 'queued' | 'asking' | 'allowed' | 'running' | 'ok' | 'failed' | 'denied' | 'notRun' | 'stopped' | 'interrupted';

// Codes of results of calls that did not fail by themselves.
const CODES: Record<string, CardState> = { cancelled: 'stopped', worker_lost: 'interrupted', outcome_unknown: 'interrupted', denied: 'denied', hook_refused: 'denied', not_run: 'notRun', repeated: 'notRun' };

export const GLYPHS: Record<CardState, [glyph: string, tone: string]> = {
  queued: ['○', 'dim'],
  asking: ['◆', 'warn'],
  allowed: ['○', 'dim'],
  running: ['●', 'live pulse'],
  ok: ['✓', 'ok'],
  failed: ['✕', 'err'],
  denied: ['✕', 'err'],
  notRun: ['‖', 'dim'],
  stopped: ['‖', 'dim'],
  interrupted: ['✕', 'warn'],
};

export function stateOf(call: Call): CardState {
  if (call.state === 'called') return 'queued';
  if (call.state === 'failed') return (Object.hasOwn(CODES, call.code) ? CODES[call.code] : undefined) ?? 'failed';
  return call.state;
}

// Whether a command ran with an exit code: '0' when it was well, '' when nothing is known of it.
export function exitCode(call: Call): string {
  if (call.name !== 'run_command' || call.server || call.args.background) return '';
  if (call.state === 'ok') return '0';
  return /^exit_(-?\d+)$/.exec(call.code)?.[1] ?? '';
}
