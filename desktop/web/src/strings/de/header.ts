import type { header as english } from '../en/header';
import type { Translation } from '../translation';

export const header = {
  search: 'Suchen',
  needs: '{count, plural, one {# braucht Sie} other {# brauchen Sie}}',
  needsTitle: 'Zur nächsten Frage, die eine Antwort braucht',
  window: '◆ {count, plural, one {# braucht Sie} other {# brauchen Sie}} · {title}',
} as const satisfies Translation<typeof english>;
