export const diff = {
  split: 'Side by side',
  copyOf: 'changes of {name}',
  changesOf: 'Changes of {name}',
  gap: '{count, plural, one {# unchanged line} other {# unchanged lines}}',
  unfold: 'Show {count, plural, one {# unchanged line} other {# unchanged lines}}',
  showAll: 'Show all {count, number} lines of the diff',
  fold: 'Show fewer lines of the diff',
} as const;
