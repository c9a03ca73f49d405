import type { todo as english } from '../en/todo';
import type { Translation } from '../translation';

export const todo = {
  title: 'Plan',
  done: '{done, number} von {count, number} erledigt',
  states: { open: 'offen', doing: 'in Arbeit', done: 'erledigt' },
} as const satisfies Translation<typeof english>;
