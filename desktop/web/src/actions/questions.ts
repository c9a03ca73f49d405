// Actions on a question that the model asks.

import type { Action } from './action';

export const answerQuestion: Action<{ id: string; text: string; sid?: string }> = {
  id: 'question.answer',
  name: 'Answer a question of the model',
  label: 'Answer',
  keys: [],
  when: (_, { text }) => text.trim() !== '',
  run: async (page, { id, text, sid }) => {
    await page.daemon.answerQuestion(sid ?? page.state.selected, id, text);
  },
};
