import type { output as english } from '../en/output';
import type { Translation } from '../translation';

export const output = {
  output: 'Ausgabe',
  wrap: 'Zeilen umbrechen',
  more: '{count, plural, one {# weitere Zeile} other {# weitere Zeilen}} anzeigen',
  earlier: '{count, plural, one {# frühere Zeile} other {# frühere Zeilen}} anzeigen',
  left: '{count, plural, one {# weitere Zeile ist} other {# weitere Zeilen sind}} hier nicht dargestellt. Die kopierte Ausgabe enthält alles.',
} as const satisfies Translation<typeof english>;
