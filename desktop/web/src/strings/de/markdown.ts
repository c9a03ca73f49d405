import type { markdown as english } from '../en/markdown';
import type { Translation } from '../translation';

export const markdown = {
  done: 'erledigt',
  open: 'zu erledigen',
  image: 'Bild: {alt}',
  noAlt: 'ohne Beschreibung',
  footnote: 'Fußnote {label}',
  table: 'Tabelle',
} as const satisfies Translation<typeof english>;
