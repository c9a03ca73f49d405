import type { gone as english } from '../en/gone';
import type { Translation } from '../translation';

export const gone = {
  moved: 'Diese Sitzung wurde in den Papierkorb gelegt. Was hier zu sehen ist, ändert sich nicht mehr.',
  none: 'Es gibt keine Sitzung s-{sid}. Sie ist vielleicht im Papierkorb, oder die Adresse ist falsch.',
  title: 'Diese Sitzung gibt es nicht',
} as const satisfies Translation<typeof english>;
