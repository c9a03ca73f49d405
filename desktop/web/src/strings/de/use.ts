import type { use as english } from '../en/use';
import type { Translation } from '../translation';

export const use = {
  label: 'Grenzen dieser Runde',
  step: 'Schritt {now, number} von {most, number}',
  calls: 'Aufrufe {now, number} von {most, number}',
  tokens: 'Tokens {now, number} von {most, number}',
  minutes: 'Minuten {now, number} von {most, number}',
} as const satisfies Translation<typeof english>;
