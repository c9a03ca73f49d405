// What the settings show of the daemon. All of it is read again after a change, by the first part of the key.

import { queryOptions } from '@tanstack/react-query';
import type { Daemon } from './daemon';
import { settingRequests as requests } from './setting_requests';

export const SETTINGS = 'settings';

export const valuesQuery = (daemon: Daemon) => queryOptions({ queryKey: [SETTINGS, 'values'], queryFn: () => requests.values(daemon), staleTime: 0 });
export const layersQuery = (daemon: Daemon, cwd: string) => queryOptions({ queryKey: [SETTINGS, 'layers', cwd], queryFn: () => requests.layers(daemon, cwd), staleTime: 0 });
export const trustedQuery = (daemon: Daemon) => queryOptions({ queryKey: [SETTINGS, 'trusted'], queryFn: () => requests.trusted(daemon), staleTime: 0 });
export const serversQuery = (daemon: Daemon, cwd: string) => queryOptions({ queryKey: [SETTINGS, 'servers', cwd], queryFn: () => requests.servers(daemon, cwd), staleTime: 0 });
export const hostsQuery = (daemon: Daemon) => queryOptions({ queryKey: [SETTINGS, 'hosts'], queryFn: () => requests.hosts(daemon), staleTime: 0 });
export const hooksQuery = (daemon: Daemon) => queryOptions({ queryKey: [SETTINGS, 'hooks'], queryFn: () => requests.hooks(daemon), staleTime: 0 });

// What a person asked for once; it is kept as the answer to that, and never asked again by itself.
const ONCE = { enabled: false, retry: false, staleTime: Infinity } as const;
export const testedQuery = (daemon: Daemon, name: string) => queryOptions({ queryKey: ['tested', name], queryFn: () => requests.test(daemon, name), ...ONCE });
export const startedQuery = (daemon: Daemon, cwd: string) => queryOptions({ queryKey: ['started servers', cwd], queryFn: () => requests.startServers(daemon, cwd), ...ONCE });
export const foundHostsQuery = (daemon: Daemon) => queryOptions({ queryKey: ['found hosts'], queryFn: () => requests.findHosts(daemon), ...ONCE });
