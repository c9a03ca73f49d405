import type { announcer as english } from '../en/announcer';
import type { Translation } from '../translation';

export const announcer = {
  answering: 'Der Assistent antwortet',
  permission: '{call} braucht eine Freigabe',
  question: 'Das Modell fragt: {text}',
  done: 'Fertig, {tokens, plural, one {# Token} other {# Tokens}}, {tools, plural, one {# Werkzeug} other {# Werkzeuge}}',
  limited: 'An einer Grenze angehalten, {tokens, plural, one {# Token} other {# Tokens}}, {tools, plural, one {# Werkzeug} other {# Werkzeuge}}',
  failed: 'Fehlgeschlagen: {message}',
  stopped: 'Angehalten',
} as const satisfies Translation<typeof english>;
