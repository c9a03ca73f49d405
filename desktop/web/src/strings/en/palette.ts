export const palette = {
  title: 'Search',
  description: 'An action, a session or a model. Enter does it, Escape closes.',
  field: 'Search for actions and sessions',
  list: 'What was found',
  empty: 'Nothing is called like this.',
  groups: { recent: 'Recent', actions: 'Actions', sessions: 'Sessions', models: 'Models of this session' },
  inSessions: 'Search in all sessions for “{text}”',
  model: 'Use {model}',
} as const;
