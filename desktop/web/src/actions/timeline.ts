// Actions on what the timeline shows: go to a turn, find words, copy.

import type { Page } from '../page';
import type { Turn } from '../transcript';
import { answerText, turnText } from '../turn_text';
import type { Action } from './action';

// So few pixels above the window do not count as a turn that was begun.
const BEGUN_PX = 8;

export const previousTurn: Action = {
  id: 'timeline.previous',
  name: 'Go to the turn before',
  label: 'Previous turn',
  keys: ['[', 'Alt+ArrowUp'],
  when: (state) => state.transcript.turns.length > 0,
  run: (page) => {
    if (page.state.playback) return page.state.playback.turn(-1);
    const { at, isBegun } = current(page);
    return goTo(page, isBegun ? at : at - 1);
  },
};

export const nextTurn: Action = {
  id: 'timeline.next',
  name: 'Go to the turn after',
  label: 'Next turn',
  keys: [']', 'Alt+ArrowDown'],
  when: (state) => state.transcript.turns.length > 0,
  run: (page) => (page.state.playback ? page.state.playback.turn(1) : goTo(page, current(page).at + 1)),
};

export const goToEnd: Action = {
  id: 'timeline.end',
  name: 'Go to the end of the session and follow it',
  label: 'End',
  keys: ['End'],
  when: (state) => state.transcript.turns.length > 0,
  run: (page) => stageOf(page).set({ reveal: { at: 'end' } }),
};

export const goToTurn: Action<Turn> = {
  id: 'timeline.turn',
  name: 'Go to a turn',
  label: 'Go to',
  keys: [],
  when: () => true,
  run: (page, turn) => page.show({ view: 'session', sid: page.state.selected, turn: turn.id }),
};

export const openFind: Action = {
  id: 'timeline.find',
  name: 'Find in this session',
  label: 'Find',
  keys: ['Mod+F'],
  when: (state) => state.transcript.turns.length > 0,
  run: (page) => {
    stageOf(page).set({ isFindOpen: true });
    void page.focus('find');
  },
};

export const closeFind: Action = {
  id: 'timeline.find-close',
  name: 'Stop finding',
  label: 'Close',
  keys: [],
  when: (state) => state.isFindOpen,
  run: (page) => page.set({ isFindOpen: false }),
};

export const copyTurnLink: Action<Turn> = {
  id: 'timeline.copy-link',
  name: 'Copy the link to a turn',
  label: 'Copy link',
  keys: [],
  when: () => true,
  run: (page, turn) => page.copy(page.address({ view: 'session', sid: page.state.selected, turn: turn.id })),
};

export const copyTurn: Action<Turn> = {
  id: 'timeline.copy-turn',
  name: 'Copy a turn as Markdown',
  label: 'Copy turn',
  keys: [],
  when: () => true,
  run: (page, turn) => page.copy(turnText(turn)),
};

export const copyAnswer: Action<Turn> = {
  id: 'timeline.copy-answer',
  name: 'Copy the answer of a turn',
  label: 'Copy answer',
  keys: [],
  when: (_, turn) => answerText(turn) !== '',
  run: (page, turn) => page.copy(answerText(turn)),
};

// The turn that a key copies: the one that the person is at.
export const copyCurrentTurn: Action = {
  id: 'timeline.copy',
  name: 'Copy the turn in view',
  label: 'Copy turn',
  keys: ['Y'],
  when: (state) => state.transcript.turns.length > 0,
  run: async (page) => {
    const stage = stageOf(page);
    const turn = stage.state.transcript.turns[current(stage).at];
    if (turn) await copyTurn.run(stage, turn);
  },
};

// The page whose timeline is on the screen.
function stageOf(page: Page): Page {
  return page.state.playback?.stage ?? page;
}

// Where the person is: the turn that they went to, or the one at the top of the window. At the end, the last one.
function current(page: Page): { at: number; isBegun: boolean } {
  const { transcript, selected } = page.state;
  const spot = page.kept.spot(selected);
  const { turns } = transcript;
  const at = turns.findIndex((turn) => turn.id === (spot?.wentTo ?? spot?.turn));
  if (!spot || at < 0) return { at: turns.length - 1, isBegun: true };
  return { at, isBegun: !spot.wentTo && spot.above > BEGUN_PX };
}

function goTo(page: Page, at: number): void {
  const { turns } = page.state.transcript;
  const turn = turns[Math.max(0, at)];
  page.set({ reveal: turn ? { at: 'turn', turn: turn.id, takesFocus: true } : { at: 'end' } });
}
