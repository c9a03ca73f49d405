// Actions on a plan that a turn in plan mode ended in.

import { planOf } from '../transcript';
import type { Turn } from '../transcript';
import type { Action } from './action';

// Only the last turn's plan: one before it is no longer what was talked about.
const isReady: Action<Turn>['when'] = (state, turn) => planOf(turn) !== '' && state.transcript.running() === undefined && state.transcript.turns.at(-1) === turn;

export const acceptPlan: Action<Turn> = {
  id: 'plan.accept',
  name: 'Accept a plan and carry it out',
  label: 'Accept and do',
  keys: [],
  when: isReady,
  run: async (page, turn) => {
    await page.daemon.acceptPlan(page.state.selected, turn.id);
  },
};

export const changePlan: Action<Turn> = {
  id: 'plan.change',
  name: 'Say what to change in a plan',
  label: 'Change',
  keys: [],
  when: isReady,
  run: (page) => {
    page.set({ overrides: { ...page.state.overrides, mode: 'plan' } });
    page.focus('composer');
  },
};
