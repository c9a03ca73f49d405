import { expect, test } from 'vitest';
import { perform } from '../actions/action';
import { playFrom, playOrPause, seekPlayback, slower, stepBack, stepOn, togglePlayback } from '../actions/playback';
import { nextTurn, previousTurn } from '../actions/timeline';
import { stopTurn } from '../actions/turns';
import { testBench } from '../testing/page';
import type { Playback } from './playback';

const bench = testBench();
const AT = Date.UTC(2026, 10, 30, 8);

// A session of three turns. Each takes a second, and an hour lies between two of them.
async function started(): Promise<void> {
  const session = bench.gateway.addSession({ title: 'past' });
  let ms = 0;
  const append = (event: Record<string, unknown>, after: number) => bench.gateway.append(session.id, { ...event, ts: new Date(AT + (ms += after)).toISOString() } as Record<string, unknown>);
  for (const turn of ['t1', 't2', 't3']) {
    append({ event: 'turn.start', turn, role: 'user', text: `question ${turn}`, mode: 'chat', level: 'L1' }, turn === 't1' ? 0 : 3_600_000);
    append({ event: 'step.start', turn, step: 1, provider: 'lmx', model: 'probe', attempt: 1 }, 250);
    append({ event: 'turn.token', turn, delta: 'one ' }, 250);
    append({ event: 'turn.token', turn, delta: `answer ${turn}` }, 250);
    append({ event: 'turn.done', turn, tokens: 2, elapsed: 1, tokensPerSec: 2, tools: 0, steps: 1, finish: 'stop' }, 250);
  }
  await bench.start(session.id);
  await bench.pass();
}

async function begun(): Promise<Playback> {
  await started();
  await perform(bench.page, togglePlayback, undefined);
  const { playback } = bench.page.state;
  if (!playback) throw new Error('no playback');
  playback.pause();
  await playback.seek(0);
  return playback;
}

const answers = (playback: Playback) => playback.stage.state.transcript.turns.map((turn) => turn.steps[0]?.text ?? '');

test('a session is played back from its beginning, and the session itself stays as it is', async () => {
  await started();
  const { transcript } = bench.page.state;
  await perform(bench.page, togglePlayback, undefined);
  const playback = bench.page.state.playback as Playback;
  expect(playback.state).toMatchObject({ status: 'ready', isPlaying: true, speed: 1 });
  // The event that began the session has another time than those of the test.
  await playback.seek(2);
  playback.play();
  await bench.pass(600);
  expect(answers(playback)).toEqual(['one ']);
  await bench.pass(1_000);
  expect(answers(playback)).toEqual(['one answer t1']);
  expect(bench.page.state.transcript).toBe(transcript);
  expect(transcript.turns).toHaveLength(3);
});

test('a faster playback is over sooner, stops at its end, and begins again', async () => {
  const playback = await begun();
  playback.setSpeed(20);
  playback.play();
  await bench.pass(2_000);
  expect(playback.state).toMatchObject({ isPlaying: false, at: 16 });
  expect(answers(playback)).toEqual(['one answer t1', 'one answer t2', 'one answer t3']);
  playback.setSpeed(1);
  playback.play();
  await bench.pass(50);
  expect(playback.state.at).toBeLessThan(3);
});

test('one event on and back is one event, and what it was is named', async () => {
  const playback = await begun();
  await playback.seek(4);
  expect([playback.state.at, playback.state.event, answers(playback)]).toEqual([4, 'turn.token', ['one ']]);
  await perform(bench.page, stepOn, undefined);
  expect([playback.state.at, answers(playback)]).toEqual([5, ['one answer t1']]);
  await perform(bench.page, stepBack, undefined);
  await perform(bench.page, stepBack, undefined);
  expect([playback.state.at, playback.state.event, answers(playback)]).toEqual([3, 'step.start', ['']]);
  await playback.step(-1);
  await playback.step(-1);
  await playback.step(-1);
  await playback.step(-1);
  expect([playback.state.at, playback.state.event, playback.stage.state.transcript.turns]).toEqual([0, '', []]);
});

test('the keys of turns go to the turns of the playback', async () => {
  const playback = await begun();
  const turns = async (...actions: (typeof nextTurn)[]) => {
    for (const action of actions) await perform(bench.page, action, undefined);
    return [playback.state.at, playback.stage.state.transcript.turns.length];
  };
  expect(await turns(nextTurn)).toEqual([2, 1]);
  expect(await turns(nextTurn)).toEqual([7, 2]);
  expect(await turns(nextTurn, nextTurn)).toEqual([16, 3]);
  expect(await turns(previousTurn)).toEqual([12, 3]);
  expect(await turns(previousTurn)).toEqual([7, 2]);
});

test('it begins at a turn, and goes to a moment', async () => {
  await started();
  const turn = bench.page.state.transcript.turns[1];
  if (!turn) throw new Error('no turn');
  await perform(bench.page, playFrom, turn);
  const playback = bench.page.state.playback as Playback;
  expect(playback.state.at).toBe(7);
  playback.pause();
  await perform(bench.page, seekPlayback, playback.timetable.duration);
  expect(playback.state.at).toBe(16);
  await perform(bench.page, slower, undefined);
  expect(playback.state.speed).toBe(1);
});

test('the last of many moments that are asked for at once is shown', async () => {
  const playback = await begun();
  void playback.seek(16);
  void playback.seek(3);
  void playback.seek(9);
  await playback.seek(5);
  expect([playback.state.at, answers(playback)]).toEqual([5, ['one answer t1']]);
});

test('nothing acts on the turns while they are played back', async () => {
  await begun();
  bench.gateway.append('sid1', { event: 'turn.start', turn: 't4', role: 'user', text: 'now', mode: 'chat', level: 'L1' });
  await bench.pass();
  expect(bench.page.state.transcript.running()?.id).toBe('t4');
  expect(await perform(bench.page, stopTurn, undefined)).toBe(false);
  expect(bench.gateway.posted(/stop$/)).toEqual([]);
  await perform(bench.page, togglePlayback, undefined);
  expect(bench.page.state.playback).toBeNull();
  expect(await perform(bench.page, stopTurn, undefined)).toBe(true);
});

test('another session ends the playback, and so does an address', async () => {
  const playback = await begun();
  playback.play();
  bench.page.show({ view: 'session', sid: 'sid1' });
  expect([bench.page.state.playback, playback.state.isPlaying]).toEqual([null, false]);
  await perform(bench.page, togglePlayback, undefined);
  bench.page.state.playback?.stage.open('other');
  expect([bench.page.state.playback, bench.page.state.selected]).toEqual([null, 'other']);
});

test('a journal that cannot be read says why, and can be left', async () => {
  await started();
  bench.gateway.refusals['GET /v3/sessions/sid1/events'] = [503, 'unavailable', 'The journal cannot be read now.'];
  await perform(bench.page, togglePlayback, undefined);
  expect(bench.page.state.playback?.state).toMatchObject({ status: 'failed', problem: 'The journal cannot be read now.' });
  expect(await perform(bench.page, playOrPause, undefined)).toBe(false);
  await perform(bench.page, togglePlayback, undefined);
  expect(bench.page.state.playback).toBeNull();
});
