import type { copy as english } from '../en/copy';
import type { Translation } from '../translation';

export const copy = {
  label: '{what} kopieren',
  copy: 'Kopieren',
  copied: 'Kopiert',
} as const satisfies Translation<typeof english>;
