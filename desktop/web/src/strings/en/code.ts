export const code = {
  plain: 'text',
  copy: 'code',
  copyOf: '{language} code',
  showAll: 'Show all {count, number} lines',
  fold: 'Show fewer lines',
  coloured: 'The first {count, number} lines have colours.',
} as const;
