// Problems that the page itself finds. What the daemon reports is in the daemon's words.

export const problems = {
  noSandbox: 'Commands run without a sandbox on this machine, so each of them asks. opta doctor says how to get one.',
  notifications: 'The browser does not show notifications of this page. Allow them in the settings of the site.',
  noKey: 'The page has no key. Open it again: opta open',
  gatewayAway: 'The gateway does not answer, so the page cannot diagnose further. In a terminal: opta doctor --fix',
  allRun: 'All processes of the daemon run, and it does not answer yet. Look at its log: opta logs gateway',
  cannotFetch: '{repo} cannot be fetched now: {reason}',
  tooLarge: 'It has {size} MiB; the most is {most} MiB.',
  daemonAway: 'The daemon does not answer.',
  notAnswering: '{server} does not answer now: {reason}',
  noTexts: 'The texts of the chosen language could not be loaded, so they stay as they are. Reload the page.',
} as const;
