// Actions on what the model sees of the open session.

import type { Action } from './action';
import { say } from '../strings/spoken';

export const compactContext: Action = {
  id: 'context.compact',
  name: 'Replace older turns by a summary in the model’s context',
  label: 'Compact',
  keys: [],
  when: (state) => state.transcript.turns.some((turn) => turn.endedAt && !turn.compact) && !state.transcript.turns.some((turn) => turn.compact && !turn.endedAt),
  run: async (page) => {
    await page.daemon.compact(page.state.selected);
    page.set({ notice: say('notices')('compacting') });
  },
};

export const clearContext: Action = {
  id: 'context.clear',
  name: 'Go on with an empty context; the history stays',
  label: 'Clear',
  keys: [],
  when: (state) => state.transcript.turns.length > 0 && state.transcript.running() === undefined,
  run: async (page) => {
    await page.daemon.clear(page.state.selected);
    page.set({ notice: say('notices')('cleared') });
  },
};
