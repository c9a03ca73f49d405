export const boot = {
  starting: 'Connecting to Opta …',
  loading: 'Reading your sessions …',
  noServer: {
    title: 'Opta is not running',
    words: 'The server of this page does not answer. Start Opta in a terminal; this page connects by itself then.',
  },
  noDaemon: {
    title: 'The daemon does not answer',
    words: 'The server of this page runs, and the daemon behind it does not answer. This page connects by itself when it does.',
  },
  wrongVersion: {
    title: 'This page is of another version',
    words: 'The daemon speaks {daemon} and this page {page}. Reload it; if that does not help, run opta restart.',
    reload: 'Reload',
  },
  notLost: 'Nothing is lost: what ran goes on, and this page continues after event {seq, number}.',
  nextTry: 'Next try in {seconds, number} s',
  trying: 'Trying …',
  tryNow: 'Try now',
  command: 'In a terminal: <command></command>',
} as const;
