export const turnActions = {
  forkHint: 'A new session with the history up to this turn',
  retryHint: 'This prompt again, in a new session',
  edit: 'Edit',
  editHint: 'This prompt with other words, in a new session',
  change: 'Change the prompt',
  changed: 'Changed prompt',
  send: 'Send in a new session',
  cancel: 'Cancel',
} as const;
