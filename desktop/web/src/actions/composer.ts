// Actions on the message that is being written.

import type { Page } from '../page';
import { draft, nextMode, type Overrides, type State, withDraft } from '../state';
import type { Action } from './action';

export const focusComposer: Action = {
  id: 'composer.focus',
  name: 'Write a message',
  label: 'Write',
  keys: ['Mod+L', 'I', 'Alt+L'],
  when: () => true,
  run: (page) => void page.focus('composer'),
};

export const writeDraft: Action<string> = {
  id: 'composer.write',
  name: 'Change the text of the message',
  label: 'Message',
  keys: [],
  when: () => true,
  run: (page, text) => page.set({ ...withDraft(page.state, page.state.selected, text), recalled: 0, unknownCommand: '' }),
};

// Prompts of the open session that a person wrote, the newest first.
function prompts(state: State): string[] {
  const written = state.transcript.turns.filter((turn) => turn.role !== 'agent' && !turn.compact && !turn.probe && !turn.fromPlan).map((turn) => turn.command || turn.text);
  return written.filter((text, at) => text.trim() !== '' && text !== written[at + 1]).reverse();
}

// The earlier prompt that is shown again, unchanged; 0 for none.
function recalledNow(state: State): number {
  return state.recalled && prompts(state)[state.recalled - 1] === draft(state) ? state.recalled : 0;
}

export const recallOlder: Action = {
  id: 'composer.older',
  name: 'Write the prompt before again',
  label: 'Prompt before',
  keys: [],
  when: (state) => (draft(state) === '' || recalledNow(state) > 0) && prompts(state).length > recalledNow(state),
  run: (page) => recall(page, recalledNow(page.state) + 1),
};

export const recallNewer: Action = {
  id: 'composer.newer',
  name: 'Write the prompt after it again',
  label: 'Prompt after',
  keys: [],
  when: (state) => recalledNow(state) > 0,
  run: (page) => recall(page, recalledNow(page.state) - 1),
};

function recall(page: Page, recalled: number): void {
  page.set({ ...withDraft(page.state, page.state.selected, prompts(page.state)[recalled - 1] ?? ''), recalled });
}

export const chooseMode = override('mode', 'Choose the mode of the next message', 'Mode');
export const chooseModel = override('model', 'Choose the model of the next message', 'Model');
export const chooseLevel = override('level', 'Choose the permission level of the next message', 'Permission level');

export const toggleMode: Action = {
  id: 'composer.toggle-mode',
  name: 'Change between Chat and Do for the next message',
  label: 'Chat or Do',
  keys: ['Mod+M', 'Alt+M'],
  when: () => true,
  run: (page) => chooseMode.run(page, nextMode(page.state) === 'chat' ? 'do' : 'chat'),
};

function override(field: keyof Overrides, name: string, label: string): Action<string> {
  const run = (page: Page, value: string) => page.set({ overrides: { ...page.state.overrides, [field]: value || undefined } });
  return { id: `composer.${field}`, name, label, keys: [], when: (_: State) => true, run };
}

export const openModels: Action = {
  id: 'composer.models',
  name: 'Choose a model',
  label: 'Model',
  keys: ['Mod+Shift+M', 'Alt+Shift+M'],
  when: () => true,
  run: (page) => openPill.run(page, 'model'),
};

export const openModes: Action = {
  id: 'composer.modes',
  name: 'Choose a mode',
  label: 'Mode',
  keys: [],
  when: () => true,
  run: (page) => page.set({ openPill: 'mode' }),
};

export const openLevels: Action = {
  id: 'composer.levels',
  name: 'Choose a permission level',
  label: 'Level',
  keys: [],
  when: () => true,
  run: (page) => page.set({ openPill: 'level' }),
};

export const openPill: Action<keyof Overrides | ''> = {
  id: 'composer.pill',
  name: 'Open or close the menu of a pill',
  label: 'Menu',
  keys: [],
  when: () => true,
  run: (page, field) => {
    page.set({ openPill: field });
    // What is shown to be healthy is so now.
    if (field === 'model') page.refreshModels();
  },
};

// Kept in this browser, for every window.
export const chooseSendKey: Action<boolean> = {
  id: 'composer.send-key',
  name: 'Choose the key that sends',
  label: 'Key that sends',
  keys: [],
  when: () => true,
  run: (page, isEnter) => page.set({ choices: { ...page.state.choices, sends: isEnter ? 'enter' : 'mod-enter' } }),
};
