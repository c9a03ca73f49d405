import type { turnActions as english } from '../en/turn_actions';
import type { Translation } from '../translation';

export const turnActions = {
  forkHint: 'Eine neue Sitzung mit dem Verlauf bis zu dieser Runde',
  retryHint: 'Dieser Prompt noch einmal, in einer neuen Sitzung',
  edit: 'Bearbeiten',
  editHint: 'Dieser Prompt mit anderem Text, in einer neuen Sitzung',
  change: 'Prompt ändern',
  changed: 'Geänderter Prompt',
  send: 'In einer neuen Sitzung senden',
  cancel: 'Abbrechen',
} as const satisfies Translation<typeof english>;
