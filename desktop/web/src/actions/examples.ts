// Prompts to begin with.

import { folderFor } from '../folder_names';
import { withDraft } from '../state';
import type { Action } from './action';
import { takeOver } from './folders';
import { submitTurn } from './turns';

export const askExample: Action<string> = {
  id: 'examples.ask',
  name: 'Ask this question',
  label: 'Ask',
  keys: [],
  when: (state) => !state.isSending && !state.transcript.turns.length,
  // In Do mode a model may read without a question, and a first answer needs that; changes ask there, too.
  run: async (page, text) => {
    const { overrides, selected, transcript } = page.state;
    page.set(withDraft(page.state, selected, text));
    const folder = folderFor(page.state);
    if (!selected && folder) await takeOver(page, folder, 'do');
    else if ((overrides.mode ?? transcript.mode) === 'chat') page.set({ overrides: { ...overrides, mode: 'do' } });
    await submitTurn.run(page);
  },
};
