// Other keys for an action than those that it names.

import type { Action } from './action';
import { problemOf } from './chord';
import { conflicts } from './keymap';
import { actions } from './registry';

export interface Rebinding {
  // The id of the action, and its new keys; none takes its keys away.
  id: string;
  keys: readonly string[];
}

export const rebindKeys: Action<Rebinding> = {
  id: 'keys.rebind',
  name: 'Give an action other keys',
  label: 'Change',
  keys: [],
  when: (state, { id, keys }) => {
    const action = actions.find((each) => each.id === id);
    return action !== undefined && keys.every((key) => problemOf(key) === '' && conflicts(actions, action, key, state.bindings).length === 0);
  },
  run: (page, { id, keys }) => page.set({ bindings: { ...page.state.bindings, [id]: keys } }),
};
