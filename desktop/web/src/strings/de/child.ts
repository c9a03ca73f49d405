import type { child as english } from '../en/child';
import type { Translation } from '../translation';

export const child = {
  name: 'Unteragent',
  label: 'Unteragent {title}, {state}',
  states: {
    queued: 'wartet auf einen freien Platz',
    running: 'arbeitet',
    waiting: 'fragt Sie',
    paused: 'pausiert',
    done: 'fertig',
    limit: 'an einer Grenze angehalten',
    failed: 'fehlgeschlagen',
    stopped: 'angehalten',
  },
  step: 'Schritt {step}',
  calls: '{count, plural, one {# Aufruf} other {# Aufrufe}}',
  tokens: '{count, number} Tokens',
  readsOnly: ' · liest nur',
  session: 'Sitzung s-{sid}',
  open: 'Öffnen',
  report: 'Bericht',
  task: 'Aufgabe',
} as const satisfies Translation<typeof english>;
