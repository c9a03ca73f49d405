// Choices that hold longer than for the next message: for the open session, or for every turn that names no model.

import type { Overrides, State } from '../state';
import type { Mode, Level } from '../protocol';
import type { Action } from './action';
import { say } from '../strings/spoken';

export interface Choice {
  field: keyof Overrides;
  value: string;
}

export const chooseForSession: Action<Choice> = {
  id: 'session.choose',
  name: 'Choose mode, model or level for later messages of the session',
  label: 'For this session',
  keys: [],
  when: (state) => state.selected !== '',
  run: async (page, { field, value }) => {
    const sid = page.state.selected;
    const changes = field === 'model' ? { model: value } : field === 'mode' ? { mode: value as Mode } : { level: value as Level };
    await page.daemon.update(sid, changes);
    // The choice for the next message would hide it.
    if (page.state.selected === sid) page.set({ overrides: without(page.state, field) });
  },
};

export const chooseDefaultModel: Action<string> = {
  id: 'models.default',
  name: 'Choose the model of turns that name none',
  label: 'For everything new',
  keys: [],
  when: (_, model) => model !== '',
  run: async (page, model) => {
    await page.daemon.setDefaultModel(model);
    page.set({ overrides: without(page.state, 'model'), notice: say('notices')('isDefault', { model }) });
    page.refreshModels();
  },
};

// The next message follows the session again.
export const followSession: Action<keyof Overrides> = {
  id: 'composer.follow-session',
  name: 'Use what the session has for the next message',
  label: 'As the session has it',
  keys: [],
  when: (state, field) => state.overrides[field] !== undefined,
  run: (page, field) => page.set({ overrides: without(page.state, field) }),
};

function without(state: State, field: keyof Overrides): Overrides {
  const { [field]: _, ...others } = state.overrides;
  return others;
}
