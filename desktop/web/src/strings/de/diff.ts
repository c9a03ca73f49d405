import type { diff as english } from '../en/diff';
import type { Translation } from '../translation';

export const diff = {
  split: 'Nebeneinander',
  copyOf: 'Änderungen von {name}',
  changesOf: 'Änderungen von {name}',
  gap: '{count, plural, one {# unveränderte Zeile} other {# unveränderte Zeilen}}',
  unfold: '{count, plural, one {# unveränderte Zeile} other {# unveränderte Zeilen}} anzeigen',
  showAll: 'Alle {count, number} Zeilen des Diffs anzeigen',
  fold: 'Weniger Zeilen des Diffs anzeigen',
} as const satisfies Translation<typeof english>;
