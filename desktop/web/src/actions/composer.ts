// Actions on the message that is being written.

import type { Page } from '../page';
import { attached, nextMode, type Overrides, type State, withAttached, withDraft } from '../state';
import type { Action } from './action';

export const focusComposer: Action = {
  id: 'composer.focus',
  name: 'Write a message',
  label: 'Write',
  keys: ['Mod+L', 'Alt+L'],
  when: () => true,
  run: (page) => page.focus('composer'),
};

export const writeDraft: Action<string> = {
  id: 'composer.write',
  name: 'Change the text of the message',
  label: 'Message',
  keys: [],
  when: () => true,
  run: (page, text) => page.set(withDraft(page.state, page.state.selected, text)),
};

export const attachFiles: Action<File[]> = {
  id: 'composer.attach',
  name: 'Attach images and text files to the message',
  label: 'Attach',
  keys: [],
  when: (_, files) => files.length > 0,
  run: async (page, files) => {
    const sid = page.state.selected;
    for (const file of files) {
      const stored = await page.daemon.upload(file);
      const others = (page.state.attached[sid] ?? []).filter((known) => known.id !== stored.id);
      page.set(withAttached(page.state, sid, [...others, stored]));
    }
  },
};

export const detachFile: Action<string> = {
  id: 'composer.detach',
  name: 'Take a file off the message',
  label: 'Remove',
  keys: [],
  when: (state, id) => attached(state).some((file) => file.id === id),
  run: (page, id) =>
    page.set(
      withAttached(
        page.state,
        page.state.selected,
        attached(page.state).filter((file) => file.id !== id),
      ),
    ),
};

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
