export const use = {
  label: 'Limits of this turn',
  step: 'step {now, number} of {most, number}',
  calls: 'calls {now, number} of {most, number}',
  tokens: 'tokens {now, number} of {most, number}',
  minutes: 'minutes {now, number} of {most, number}',
} as const;
