import type { palette as english } from '../en/palette';
import type { Translation } from '../translation';

export const palette = {
  title: 'Suchen',
  description: 'Eine Aktion, eine Sitzung oder ein Modell. Eingabe führt aus, Esc schließt.',
  field: 'Aktionen und Sitzungen suchen',
  list: 'Gefunden',
  empty: 'Nichts heißt so.',
  groups: { recent: 'Zuletzt verwendet', actions: 'Aktionen', sessions: 'Sitzungen', models: 'Modelle dieser Sitzung' },
  inSessions: 'In allen Sitzungen nach „{text}“ suchen',
  model: '{model} verwenden',
} as const satisfies Translation<typeof english>;
