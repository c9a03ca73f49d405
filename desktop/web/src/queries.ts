// What the page reads from the daemon and keeps for a while: one query each, shared by all panels that show it.
//
// What the live streams bring is no query: it is in the state and the transcript. An event that makes an answer old invalidates its query.

import { infiniteQueryOptions, keepPreviousData, QueryClient, queryOptions } from '@tanstack/react-query';
import type { Bridge } from './bridge';
import type { Daemon } from './daemon';
import { DaemonError } from './http_connection';

const DOWNLOAD_LOOK_MS = 1_000;
const MODELS_LOOK_MS = 1_000;
const SERVICES_LOOK_MS = 1_000;

export function createQueries(): QueryClient {
  return new QueryClient({
    defaultOptions: {
      queries: {
        // Events say what has changed; a window that comes to the front asks again only for what is older than this.
        staleTime: 30_000,
        // What is refused is refused again.
        retry: (attempts, error) => !(error instanceof DaemonError && error.status < 500) && attempts < 3,
        // The daemon is on this machine, whatever the network does.
        networkMode: 'always',
      },
      mutations: { networkMode: 'always' },
    },
  });
}

// The daemon's processes as supervisord has them, while they are looked at.
export const servicesQuery = (bridge: Bridge) => queryOptions({ queryKey: ['services'], queryFn: () => bridge.services(), refetchInterval: SERVICES_LOOK_MS, staleTime: 0, retry: false });

// What the settings show of the daemon.
export const grantsQuery = (daemon: Daemon) => queryOptions({ queryKey: ['settings', 'grants'], queryFn: () => daemon.grants(), staleTime: 0 });
export const accountsQuery = (daemon: Daemon) => queryOptions({ queryKey: ['settings', 'accounts'], queryFn: () => daemon.accounts(), staleTime: 0 });

// Sub-agents of a session.
export const childrenQuery = (daemon: Daemon, sid: string) => queryOptions({ queryKey: ['sessions', 'children', sid], queryFn: async () => (await daemon.sessions({ limit: 200, parent: sid })).sessions });

// The trash, or what `opta sessions prune` moved to the archive; and what was archived and stays listed.
export const putAwayQuery = (daemon: Daemon, where: 'trash' | 'archive') =>
  infiniteQueryOptions({ queryKey: ['sessions', where], queryFn: ({ pageParam }) => daemon.putAway(where, pageParam), initialPageParam: '', getNextPageParam: (page) => page.nextCursor });
export const archivedQuery = (daemon: Daemon) =>
  infiniteQueryOptions({
    queryKey: ['sessions', 'archived'],
    queryFn: ({ pageParam }) => daemon.sessions({ limit: 100, archived: '1', cursor: pageParam }),
    initialPageParam: '',
    getNextPageParam: (page) => page.nextCursor,
  });

// Sessions in whose prompts, answers or titles a text is.
export const foundSessionsQuery = (daemon: Daemon, q: string) => queryOptions({ queryKey: ['sessions', 'found', q], queryFn: async () => (await daemon.sessions({ limit: 8, q })).sessions, placeholderData: keepPreviousData });

// Folders in a folder whose names begin with a prefix. The answer for '' names the home folder.
export const foldersQuery = (daemon: Daemon, path: string, prefix = '', withHidden = false) =>
  queryOptions({ queryKey: ['folders', path, prefix, withHidden], queryFn: () => daemon.folders(path, prefix, withHidden), retry: false });

export const suggestedFoldersQuery = (daemon: Daemon) => queryOptions({ queryKey: ['folders-suggested'], queryFn: () => daemon.suggestedFolders(), retry: false });

// LMX's models and downloads. A download says nothing by itself, so it is looked at each second while it is shown.
export const lmxModelsQuery = (daemon: Daemon) =>
  queryOptions({
    queryKey: ['models', 'lmx'],
    queryFn: () => daemon.lmxModels(),
    retry: false,
    refetchInterval: ({ state }) => (state.data?.pulls?.some((pull) => pull.state === 'looking' || pull.state === 'pulling') ? DOWNLOAD_LOOK_MS : false),
  });

// The same while the models are shown: another client may load or unload one, and a load says nothing until it has ended.
export const watchedModelsQuery = (daemon: Daemon) => queryOptions({ ...lmxModelsQuery(daemon), refetchInterval: MODELS_LOOK_MS, staleTime: 0 });

// The measurement of a model that runs, looked at each second, and the results of those before.
export const benchesQuery = (daemon: Daemon) =>
  queryOptions({ queryKey: ['models', 'benches'], queryFn: () => daemon.benches(), retry: false, staleTime: 0, refetchInterval: ({ state }) => (state.data?.running ? MODELS_LOOK_MS : false) });

// What the hub has for some words; and one model of it: size, licence, and the room on the disk that would take it.
export const hubSearchQuery = (daemon: Daemon, words: string) => queryOptions({ queryKey: ['models', 'hub', words], queryFn: () => daemon.searchHub(words), retry: false, enabled: words !== '' });
export const availableQuery = (daemon: Daemon, repo: string) => queryOptions({ queryKey: ['models', 'available', repo], queryFn: () => daemon.availableModel(repo), retry: false, staleTime: 0 });

export const foundModelsQuery = (daemon: Daemon) => queryOptions({ queryKey: ['models', 'found'], queryFn: () => daemon.foundModels(), retry: false });

// What sessions used. Every turn changes it, so it is counted again whenever it is shown.
export const usageQuery = (daemon: Daemon, days: number) => queryOptions({ queryKey: ['usage', days], queryFn: () => daemon.usage(days), staleTime: 0, retry: false, placeholderData: keepPreviousData });

// Changed files of a turn. They change with every undo and with each edit outside, so they are read whenever they are shown.
export const changesQuery = (daemon: Daemon, sid: string, turn: string) => queryOptions({ queryKey: ['changes', sid, turn], queryFn: () => daemon.changes(sid, turn), staleTime: 0 });

export const sessionChangesQuery = (daemon: Daemon, sid: string) => queryOptions({ queryKey: ['session changes', sid], queryFn: () => daemon.sessionChanges(sid), staleTime: 0 });

// A file that belongs to a session. It never changes.
export const artifactQuery = (daemon: Daemon, sid: string, file: string) => queryOptions({ queryKey: ['artifact', sid, file], queryFn: () => daemon.artifact(sid, file), staleTime: Infinity });

// The same as text.
export const textOfQuery = (daemon: Daemon, sid: string, file: string) => queryOptions({ queryKey: ['artifact text', sid, file], queryFn: async () => (await daemon.artifact(sid, file)).text(), staleTime: Infinity });

// Health of the providers, with the reasons.
export const providersQuery = (daemon: Daemon) => queryOptions({ queryKey: ['providers'], queryFn: () => daemon.providers(), staleTime: 5_000 });

// What a message can begin with. Files of the folder decide, and nothing says when they change.
export const commandsQuery = (daemon: Daemon, cwd: string) => queryOptions({ queryKey: ['commands', cwd], queryFn: () => daemon.commands(cwd), staleTime: 5_000 });
export const skillsQuery = (daemon: Daemon, cwd: string) => queryOptions({ queryKey: ['skills', cwd], queryFn: () => daemon.skills(cwd), staleTime: 5_000 });

// Paths that may be meant. Kept for a moment only, because a session writes files.
export const filesQuery = (daemon: Daemon, cwd: string, q: string) =>
  queryOptions({ queryKey: ['files', cwd, q], queryFn: () => daemon.files(cwd, q), staleTime: 5_000, gcTime: 30_000, placeholderData: keepPreviousData });
