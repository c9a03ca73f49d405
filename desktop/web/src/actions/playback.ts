// Actions on a session that is played back from its journal.

import { SPEEDS, type Speed } from '../playback/speeds';
import type { Page } from '../page';
import type { State } from '../state';
import type { Turn } from '../transcript';
import type { Action } from './action';

const isReady = (state: State) => state.playback?.state.status === 'ready';

export const togglePlayback: Action = {
  id: 'playback.show',
  name: 'Replay the session as it happened, or leave the replay',
  label: 'Replay',
  keys: ['R', 'Alt+Shift+R'],
  when: (state) => state.playback !== null || (state.selected !== '' && state.gone === '' && state.transcript.turns.length > 0 && state.earlier === 0),
  run: (page) => (page.state.playback ? leave(page) : begin(page)),
};

export const playFrom: Action<Turn> = {
  id: 'playback.from',
  name: 'Replay the session from a turn on',
  label: 'Replay from here',
  keys: [],
  when: () => true,
  run: (page, turn) => (page.state.playback ? page.state.playback.seekTurn(turn.id) : begin(page, turn.id)),
};

export const playOrPause: Action = {
  id: 'playback.play',
  name: 'Play or pause the replay',
  label: 'Play',
  keys: ['K'],
  when: isReady,
  run: ({ state: { playback } }) => (playback?.state.isPlaying ? playback.pause() : playback?.play()),
};

export const stepBack: Action = {
  id: 'playback.back',
  name: 'Go one event back in the replay',
  label: 'One event back',
  keys: [','],
  when: isReady,
  run: (page) => page.state.playback?.step(-1),
};

export const stepOn: Action = {
  id: 'playback.on',
  name: 'Go one event on in the replay',
  label: 'One event on',
  keys: ['.'],
  when: isReady,
  run: (page) => page.state.playback?.step(1),
};

export const slower: Action = {
  id: 'playback.slower',
  name: 'Replay slower',
  label: 'Slower',
  keys: ['<'],
  when: isReady,
  run: (page) => changeSpeed(page, -1),
};

export const faster: Action = {
  id: 'playback.faster',
  name: 'Replay faster',
  label: 'Faster',
  keys: ['>'],
  when: isReady,
  run: (page) => changeSpeed(page, 1),
};

export const chooseSpeed: Action<Speed> = {
  id: 'playback.speed',
  name: 'Choose the speed of the replay',
  label: 'Speed',
  keys: [],
  when: isReady,
  run: (page, speed) => page.state.playback?.setSpeed(speed),
};

// Milliseconds of the playback.
export const seekPlayback: Action<number> = {
  id: 'playback.seek',
  name: 'Go to a moment of the replay',
  label: 'Go to',
  keys: [],
  when: isReady,
  run: (page, played) => page.state.playback?.seekTo(played),
};

async function begin(page: Page, turn = ''): Promise<void> {
  const { selected } = page.state;
  // Loaded when it is wanted: its stage is a page, and a page knows all actions.
  const { Playback } = await import('../playback/playback');
  if (page.state.selected !== selected || page.state.playback) return;
  const playback = new Playback(page, selected, page.state.transcript.lastSeq);
  page.set({ playback, areChangesOpen: false, isFindOpen: false, openPill: '' });
  page.focus('playback');
  await playback.begin(turn);
}

function leave(page: Page): void {
  page.endPlayback();
  page.focus('composer');
}

function changeSpeed(page: Page, by: 1 | -1): void {
  const { playback } = page.state;
  const speed = playback && SPEEDS[SPEEDS.indexOf(playback.state.speed) + by];
  if (speed) playback.setSpeed(speed);
}
