export const keys = {
  title: 'Keys',
  description: 'The first key is for a window of Opta. A browser takes some keys for itself; the last one works in its tabs, too.',
  close: 'Close',
  none: '–',
  numbered: 'Open one of the first nine sessions',
  groups: {
    turn: 'Turns',
    composer: 'Message',
    session: 'Sessions',
    timeline: 'Timeline',
    view: 'View',
    other: 'Daemon and models',
    card: 'In a question',
  },
  card: {
    deny: 'Deny, or go back',
    note: 'Deny with a note',
    wider: 'See the wider answers',
    others: 'Go to the question',
  },
} as const;
