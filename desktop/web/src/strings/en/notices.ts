// What an action says when it is done.

export const notices = {
  compacting: 'The context is being compacted',
  cleared: 'The context is empty',
  answers: '{model} answers',
  answersWith: '{server} answers with {model}',
  isDefault: '{model} is the default model',
  restored: 'The session is back.',
  dropped: 'The worktree was dropped.',
  merged: 'Merged into {branch}: {count, plural, one {# file} other {# files}}.',
} as const;
