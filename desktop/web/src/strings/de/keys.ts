import type { keys as english } from '../en/keys';
import type { Translation } from '../translation';

export const keys = {
  title: 'Tasten',
  description: 'Die erste Taste gilt in einem Fenster von Opta. Ein Browser belegt einige Tasten selbst; die letzte funktioniert auch in seinen Tabs.',
  close: 'Schließen',
  none: '–',
  numbered: 'Eine der ersten neun Sitzungen öffnen',
  groups: {
    turn: 'Runden',
    composer: 'Nachricht',
    session: 'Sitzungen',
    timeline: 'Verlauf',
    view: 'Ansicht',
    other: 'Daemon und Modelle',
    card: 'In einer Frage',
  },
  card: {
    deny: 'Ablehnen oder zurück',
    note: 'Mit einer Notiz ablehnen',
    wider: 'Die weiter gehenden Antworten anzeigen',
    others: 'Zur Frage gehen',
  },
} as const satisfies Translation<typeof english>;
