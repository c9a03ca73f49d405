export const output = {
  output: 'output',
  wrap: 'Wrap lines',
  more: 'Show {count, plural, one {# more line} other {# more lines}}',
  earlier: 'Show {count, plural, one {# earlier line} other {# earlier lines}}',
  left: '{count, plural, one {# more line is} other {# more lines are}} not drawn here. Copy the output to have all of it.',
} as const;
