// How folders are shown: short where there is little width, whole where a person points.

import type { Session } from './protocol';
import type { State } from './state';

const SEGMENTS_MAX = 3;

// The last part of a path; the whole of it at the root.
export function folderName(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) || path;
}

// With ~ for the home folder, and only the last parts of a long path.
export function shortPath(path: string, home: string): string {
  const isInHome = home !== '' && (path === home || path.startsWith(`${home}/`));
  const shown = isInHome ? `~${path.slice(home.length)}` : path;
  const segments = shown.split('/');
  return segments.length > SEGMENTS_MAX + 1 ? `…/${segments.slice(-SEGMENTS_MAX).join('/')}` : shown;
}

// The folder that a session belongs to: of a git worktree, the repository; '' for the empty folder that a session without one gets.
export function folderOf({ id, cwd, worktree }: Pick<Session, 'id' | 'cwd' | 'worktree'>): string {
  if (worktree?.repository) return worktree.repository;
  return isEmptyFolder(cwd, id) ? '' : cwd;
}

export function isEmptyFolder(cwd: string, sid: string): boolean {
  return sid !== '' && cwd.endsWith(`/workspaces/${sid}`);
}

// Folders of the sessions, the last used first, each once.
export function recentFolders(sessions: readonly Session[], most: number): string[] {
  const found = new Set<string>();
  for (const session of sessions) {
    const folder = folderOf(session);
    if (folder) found.add(folder);
    if (found.size === most) break;
  }
  return [...found];
}

// Where a new session would work: where the address or the open session says, else where the last one was begun; '' when nothing says.
export function folderFor(state: Pick<State, 'route' | 'selected' | 'transcript' | 'sessions' | 'remembered'>): string {
  const { route, selected, transcript, sessions } = state;
  if (route.view === 'new' && route.cwd) return route.cwd;
  const open = selected ? folderOf({ id: selected, cwd: transcript.cwd, worktree: transcript.worktree }) : '';
  return open || state.remembered.folder || (recentFolders(sessions, 1)[0] ?? '');
}

// Where the open session works, also before its events are read; of a session that is to come, where it would.
export function openFolder(state: State): string {
  if (!state.selected) return folderFor(state);
  return state.transcript.cwd || (state.sessions.find(({ id }) => id === state.selected)?.cwd ?? '');
}

// A path that is being typed: the folder to look into, and how the name in it begins.
export function typedPath(typed: string): { path: string; prefix: string } {
  const at = typed.lastIndexOf('/');
  if (at < 0) return typed.startsWith('~') ? { path: '~', prefix: '' } : { path: '', prefix: typed };
  return { path: typed.slice(0, at) || '/', prefix: typed.slice(at + 1) };
}
