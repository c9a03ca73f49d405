export const announcer = {
  answering: 'Assistant answering',
  permission: '{call} needs permission',
  question: 'The model asks you: {text}',
  done: 'Done, {tokens, plural, one {# token} other {# tokens}}, {tools, plural, one {# tool} other {# tools}}',
  limited: 'Stopped at a limit, {tokens, plural, one {# token} other {# tokens}}, {tools, plural, one {# tool} other {# tools}}',
  failed: 'Failed: {message}',
  stopped: 'Stopped',
} as const;
