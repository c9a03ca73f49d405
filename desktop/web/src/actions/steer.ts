// Actions on a turn that runs or waits: words for it, a pause, and what was said to it and not read yet.

import type { Page } from '../page';
import { sendBlock } from '../sending';
import { attached, draft, type State, withoutSent } from '../state';
import type { Action } from './action';

// Words that no model has read: for a running turn, or the prompt of a turn that waits.
export interface Waiting {
  kind: 'steer' | 'turn';
  id: string;
  text: string;
}

export const steerTurn: Action = {
  id: 'turn.steer',
  name: 'Say it to the running turn',
  label: 'Steer',
  keys: ['Mod+Shift+Enter'],
  scope: 'composer',
  // A file goes with a prompt only.
  when: (state) => canBeSteered(state) && !attached(state).length && sendBlock(state) === '',
  run: async (page) => {
    const sid = page.state.selected;
    const text = draft(page.state);
    page.set({ isSending: true });
    try {
      await page.daemon.steer(sid, text);
    } finally {
      page.set({ isSending: false });
    }
    page.set({ ...withoutSent(page.state, sid, text), problem: '' });
  },
};

export const pauseTurn: Action = {
  id: 'turn.pause',
  name: 'Pause the running turn before its next step',
  label: 'Pause',
  keys: ['Alt+P'],
  when: (state) => state.transcript.running()?.state === 'running',
  run: async (page) => {
    await page.daemon.pause(page.state.selected);
  },
};

export const continueTurn: Action = {
  id: 'turn.continue',
  name: 'Go on with the paused turn',
  label: 'Go on',
  keys: ['Alt+R'],
  when: (state) => isPaused(state),
  run: async (page) => {
    await page.daemon.resume(page.state.selected);
  },
};

export const editWaiting: Action<Waiting> = {
  id: 'waiting.edit',
  name: 'Change words that wait',
  label: 'Save',
  keys: [],
  when: (_, waiting) => waiting.text.trim() !== '',
  run: async (page, { kind, id, text }) => {
    await page.daemon.edit(page.state.selected, kind, id, text);
  },
};

export const removeWaiting: Action<Waiting> = {
  id: 'waiting.remove',
  name: 'Remove words that wait',
  label: 'Remove',
  keys: [],
  when: () => true,
  run: removeIt,
};

async function removeIt(page: Page, { kind, id }: Waiting): Promise<void> {
  if (kind === 'turn') await page.daemon.stop(page.state.selected, id);
  else await page.daemon.takeBack(page.state.selected, id);
}

function canBeSteered(state: State): boolean {
  const turn = state.transcript.running();
  return turn !== undefined && turn.state !== 'queued' && turn.state !== 'stopping';
}

function isPaused(state: State): boolean {
  const turn = state.transcript.running();
  return turn?.state === 'paused' || turn?.state === 'pausing';
}
