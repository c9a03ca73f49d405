// What can be done while a session is played back: nothing that acts on its turns. What was is looked at, not answered or undone.

import type { State } from '../state';

// Groups of actions (the part of an id before the dot) that act on the turns of the open session, or on its next one.
const ON_TURNS = ['turn', 'waiting', 'context', 'permission', 'question', 'plan', 'file', 'hunk', 'composer', 'worktree', 'triage', 'examples'];
const ALONE = ['view.changes'];

// Whether an action is offered now at all. Where it is not, its button is not drawn, and no key starts it.
export function isOffered(state: State, { id }: { readonly id: string }): boolean {
  if (!state.playback) return true;
  const [group = ''] = id.split('.');
  return !ON_TURNS.includes(group) && !ALONE.includes(id);
}
