export const todo = {
  title: 'Plan',
  done: '{done, number} of {count, number} done',
  states: { open: 'open', doing: 'being done', done: 'done' },
} as const;
