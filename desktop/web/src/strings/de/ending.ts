import type { ending as english } from '../en/ending';
import type { Translation } from '../translation';

export const ending = {
  limit: 'An einer Grenze angehalten; die Aufgabe ist nicht fertig.',
  tokens: '{tokens, plural, one {# Token} other {# Tokens}}',
  rate: '{rate, number, ::.0} Tok/s',
  seconds: '{seconds, number, ::.0} s',
  minutes: '{minutes, number} min {seconds, number} s',
  first: 'erstes Token nach {seconds, number, ::.00} s',
  tools: '{count, plural, one {# Werkzeug} other {# Werkzeuge}}',
  steps: '{count, plural, one {# Schritt} other {# Schritte}}',
  cached: '{percent, number} % des Prompts aus dem Cache',
  thought: '{tokens, plural, one {# Token} other {# Tokens}} Nachdenken',
  models: '{names}',
  children: '{count, plural, one {# Unteragent} other {# Unteragenten}} mit {tokens, plural, one {# Token} other {# Tokens}}',
  accepted: 'Angenommen, ausgeführt in {turn}',
  answer: 'Antwort auf den Plan',
  marks: '{count, plural, one {# Stelle, an der} other {# Stellen, an denen}} der Verlauf abgewichen sein kann',
  mark: 'Ereignis {seq}',
} as const satisfies Translation<typeof english>;
