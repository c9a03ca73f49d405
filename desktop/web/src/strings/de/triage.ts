import type { triage as english } from '../en/triage';
import type { Translation } from '../translation';

export const triage = {
  title: 'Diagnose',
  diagnosing: 'Diagnose läuft …',
  fixing: 'Wird behoben …',
  healthy: '● Nichts ist defekt',
  broken: '✕ {domain}: {reason}',
  recovery: 'Nach einem Fehler',
  contained: '{count, plural, =0 {Keine andere Sitzung hatte eine laufende Runde, die pausiert werden konnte} one {# Runde einer anderen Sitzung ist pausiert} other {# Runden anderer Sitzungen sind pausiert}}',
  lookAgain: 'Erledigt: erneut prüfen',
  inTimeline: 'Ereignis {seq} anzeigen',
  ok: 'in Ordnung',
  failed: 'fehlgeschlagen',
  command: '{label}: <command></command>',
  took: '{seconds} s · {time} UTC',
  at: '{time} UTC',
  steps: { route: 'Route', heartbeat: 'Lebenszeichen', divergence: 'Abweichung', probe: 'Proberunde', domain: 'Fehlerbereich' },
} as const satisfies Translation<typeof english>;
