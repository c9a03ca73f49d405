export const hooks = {
  hook: 'hook {name}{attempt, plural, =1 {} other { (attempt #)}}',
  refused: 'refused the call: {reason}',
  failed: 'failed: {reason}',
  failedOpen: 'failed: {reason} The call went on, as configured.',
  failedClosed: 'failed: {reason} The call did not run.',
  interrupted: 'was interrupted: {reason}',
  stopped: 'was stopped with the turn',
  runs: 'runs …',
} as const;
