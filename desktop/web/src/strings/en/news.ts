// Notifications of the desktop.

export const news = {
  title: 'Opta: {session}',
  finished: 'Finished.',
  limit: 'Stopped at a limit; it is not finished.',
  failed: 'Failed: {message}',
  permission: 'Needs your answer: {tool}',
  question: 'Asks you: {text}',
} as const;
