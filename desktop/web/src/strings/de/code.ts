import type { code as english } from '../en/code';
import type { Translation } from '../translation';

export const code = {
  plain: 'Text',
  copy: 'Code',
  copyOf: '{language}-Code',
  showAll: 'Alle {count, number} Zeilen anzeigen',
  fold: 'Weniger Zeilen anzeigen',
  coloured: 'Die ersten {count, number} Zeilen sind farbig.',
} as const satisfies Translation<typeof english>;
