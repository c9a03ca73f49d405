export const question = {
  label: 'Question of the model',
  asks: 'The model asks you',
  options: 'It offered: {options}',
  answered: 'You answered in {client}: {answer}',
  here: 'another window',
  nobody: 'Nobody answered.',
  below: 'Answer below',
} as const;
