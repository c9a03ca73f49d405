// Actions that lead to sessions: to the next one that needs the person, and to the first nine of the list.

import { nextNeed, type State } from '../state';
import type { Action } from './action';

// To the question of the open session; from there, or without one, to the next session that needs the person.
export const goToNeed: Action = {
  id: 'session.need',
  name: 'Go to the next question that needs you',
  label: 'Needs you',
  keys: ['Mod+J', 'Alt+J'],
  when: (state) => nextNeed(state) !== undefined || hasQuestion(state),
  run: (page) => {
    // Its question is in the session as it is now.
    if (page.state.playback && hasQuestion(page.state)) {
      page.endPlayback();
      page.set({ wantsQuestion: true });
      return;
    }
    if (page.focus('question')) return;
    const next = nextNeed(page.state);
    if (!next || next.id === page.state.selected) return;
    page.open(next.id);
    page.set({ wantsQuestion: true });
  },
};

// Whether the open session asks, or one of its sub-agents does.
function hasQuestion({ transcript, childAsks }: State): boolean {
  const calls = transcript.running()?.steps.flatMap((step) => step.calls) ?? [];
  return childAsks.length > 0 || calls.some(({ state, asked }) => state === 'asking' || (asked !== null && !asked.by));
}

const NUMBERED = 9;

export const openNumbered: readonly Action[] = Array.from({ length: NUMBERED }, (_, at) => ({
  id: `session.open-${at + 1}`,
  name: `Open session ${at + 1} of the list`,
  label: `Session ${at + 1}`,
  keys: [`Mod+${at + 1}`, `Alt+${at + 1}`],
  series: 'session.open',
  when: (state) => state.sessions.length > at,
  run: (page) => {
    const session = page.state.sessions[at];
    if (session) page.open(session.id);
  },
}));
