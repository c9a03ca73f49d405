// What the events about a session itself say of it: its beginning, and what became of its worktree.

import type { SessionStart, SessionWorktree, Worktree } from './protocol';

export function beginning(event: SessionStart) {
  return {
    sid: event.sid ?? '',
    title: event.title,
    cwd: event.cwd,
    mode: event.mode as string,
    level: event.level as string,
    model: event.model ?? '',
    policy: event.policy ?? 'standard',
    interactive: event.interactive ?? true,
    trusted: event.trusted ?? false,
    folder: event.folder ?? '',
    parent: event.parent ?? '',
    parentTurn: event.parentTurn ?? '',
    parentCall: event.parentCall ?? '',
    depth: event.depth ?? 0,
    worktree: event.worktree ?? null,
  };
}

// A worktree in another state. An open one has none, as in what begins a session.
export function inState(worktree: Worktree | null, state: SessionWorktree['state']): Worktree | null {
  if (!worktree) return null;
  const { state: _, ...known } = worktree;
  return state === 'open' ? known : { ...known, state };
}
