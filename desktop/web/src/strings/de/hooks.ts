import type { hooks as english } from '../en/hooks';
import type { Translation } from '../translation';

export const hooks = {
  hook: 'Hook {name}{attempt, plural, =1 {} other { (Versuch #)}}',
  refused: 'hat den Aufruf abgelehnt: {reason}',
  failed: 'fehlgeschlagen: {reason}',
  failedOpen: 'fehlgeschlagen: {reason} Der Aufruf lief weiter, wie eingestellt.',
  failedClosed: 'fehlgeschlagen: {reason} Der Aufruf lief nicht.',
  interrupted: 'wurde unterbrochen: {reason}',
  stopped: 'wurde mit der Runde angehalten',
  runs: 'läuft …',
} as const satisfies Translation<typeof english>;
