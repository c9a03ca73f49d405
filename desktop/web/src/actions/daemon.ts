// Actions on the daemon's processes, and on the connection to them.

import { boot } from '../boot';
import type { ServiceRow, ServiceVerb } from '../bridge';
import type { Page } from '../page';
import type { State } from '../state';
import type { Action } from './action';
import { PageProblem, say } from '../strings/spoken';

// supervisord's words for a process that does not run and is not about to.
const DOWN = ['stopped', 'exited', 'fatal', 'backoff', 'unknown'];

export const startDaemon: Action = {
  id: 'daemon.start',
  name: 'Start the processes of the daemon that do not run',
  label: 'Start the daemon',
  keys: [],
  when: (state) => boot(state) === 'no-daemon' && !state.isStarting,
  run: async (page) => {
    page.set({ isStarting: true, problem: '' });
    try {
      const down = (await page.bridge.services()).filter((service) => DOWN.includes(service.state));
      if (!down.length) throw new PageProblem(say('problems')('allRun'));
      for (const { name } of down) await page.bridge.control(name, 'start');
      page.kick();
    } finally {
      page.set({ isStarting: false });
    }
  },
};

export const tryNow: Action = {
  id: 'connection.retry',
  name: 'Try to connect now',
  label: 'Try now',
  keys: [],
  when: (state) => state.globalConnection !== 'connected' || state.sessionConnection !== 'connected',
  run: (page) => page.kick(),
};

export const showDaemon: Action = {
  id: 'daemon.show',
  name: 'Show the daemon: its processes and their logs',
  label: 'Daemon',
  keys: ['Mod+D', 'Alt+D'],
  when: () => true,
  run: (page) => page.set({ isDaemonShown: !page.state.isDaemonShown }),
};

// What turns need. The desktop process serves this page, and LMX may serve others: they go on when the daemon is stopped.
export const DAEMON_SERVICES = ['gateway', 'agent', 'tools', 'sessions'];

export interface ServiceChange {
  verb: ServiceVerb;
  // A service, or '' for the whole daemon.
  service: string;
}

// Turns that a change of the daemon's processes interrupts.
export function interrupted(state: State, { verb, service }: ServiceChange): number {
  if (verb === 'start' || service === 'desktop') return 0;
  return state.figures.metrics?.turnsRunning ?? 0;
}

export const changeService: Action<ServiceChange> = {
  id: 'daemon.control',
  name: 'Start, stop or restart a process of the daemon',
  label: 'Control a process',
  keys: [],
  when: () => true,
  run: async (page, { verb, service }) => {
    // The store starts first and stops last, so that nothing is said to one that is not there.
    const names = service ? [service] : verb === 'stop' ? DAEMON_SERVICES : [...DAEMON_SERVICES].reverse();
    for (const name of names) await page.bridge.control(name, verb);
    if (verb !== 'stop') page.kick();
  },
};

// The same command in a terminal.
export function commandOf({ verb, service }: ServiceChange): string {
  return `opta daemon ${verb}${service ? ` ${service}` : ''}`;
}

export const reconnect: Action = {
  id: 'connection.renew',
  name: 'Connect to the daemon anew',
  label: 'Reconnect',
  keys: [],
  when: () => true,
  run: (page) => page.reconnect(),
};

export const copyDiagnostics: Action = {
  id: 'daemon.copy-diagnostics',
  name: 'Copy what is known of the daemon, with the last warnings of its logs',
  label: 'Copy diagnostics',
  keys: [],
  when: () => true,
  run: async (page) => {
    const [services, { entries }] = await Promise.all([page.bridge.services(), page.bridge.logs(null)]);
    await page.copy(diagnostics(page, services, entries.filter(({ level }) => level === 'WARNING' || level === 'ERROR').map(({ text }) => text)));
  },
};

const WARNINGS_MAX = 40;

function diagnostics({ state }: Page, services: ServiceRow[], warnings: string[]): string {
  const { health, globalConnection, port, figures } = state;
  return [
    `Opta ${health?.version ?? 'of an unknown version'}, contract ${health?.contract?.name ?? 'unknown'}, sandbox ${health?.sandbox || 'unknown'}`,
    `Connection: ${globalConnection}, port ${port || 'unknown'}, turns running: ${figures.metrics?.turnsRunning ?? 'unknown'}`,
    navigator.userAgent,
    '',
    ...services.map((service) => `${service.name}: ${service.state}, pid ${service.pid || 'none'}, up ${Math.round(service.uptimeS)} s, restarts ${service.restarts}, ${Math.round(service.memory / 2 ** 20)} MiB`),
    '',
    warnings.length ? 'The last warnings and errors of the logs:' : 'The logs hold no warnings.',
    ...warnings.slice(-WARNINGS_MAX),
  ].join('\n');
}
