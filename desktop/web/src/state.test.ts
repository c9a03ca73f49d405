// The store without DOM and network: events in, the next state out.

import { expect, test } from 'vitest';
import type { Health, Metrics } from './protocol';
import { afterLines, afterMetrics, afterOpening, connection, createPageStore, draft, withDraft } from './state';
import type { Turn } from './transcript';

const line = (seq: number, event: object) => JSON.stringify({ seq, sid: 'abc', ...event });
const START = line(1, { event: 'session.start', title: 'One', cwd: '/w', mode: 'do', level: 'L2' });
const TURN = line(2, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' });

test('lines are folded into the transcript, and the version counts them', () => {
  const store = createPageStore();
  store.setState(afterOpening('abc'));
  store.setState(afterLines(store.getState(), [START]));
  store.setState(afterLines(store.getState(), [TURN, line(3, { event: 'something.new', turn: 't1' })]));
  const { transcript, version } = store.getState();
  expect([transcript.title, transcript.turns.length, transcript.lastSeq, version]).toEqual(['One', 1, 3, 3]);
});

test('pieces of text change their turn and not the version', () => {
  const store = createPageStore();
  store.setState(afterOpening('abc'));
  store.setState(afterLines(store.getState(), [START, TURN, line(3, { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 })]));
  const { version } = store.getState();
  const changed = new Set<Turn>();
  const pieces = [line(4, { event: 'turn.thinking', turn: 't1', delta: 'a' }), line(5, { event: 'turn.token', turn: 't1', delta: 'b' })];
  expect(afterLines(store.getState(), pieces, changed).version).toBe(version);
  expect([...changed].map((turn) => turn.id)).toEqual(['t1']);
});

test('an opened session starts empty, and keeps the drafts of all', () => {
  const store = createPageStore();
  store.setState({ ...withDraft(store.getState(), 'abc', 'text'), overrides: { mode: 'do' }, problem: 'p', notice: 'n' });
  store.setState(afterOpening('abc'));
  const state = store.getState();
  expect([draft(state), state.overrides, state.problem, state.notice, state.transcript.turns]).toEqual(['text', {}, '', '', []]);
});

test('the page is connected when both of its streams are', () => {
  const state = { ...createPageStore().getState(), globalConnection: 'connected', sessionConnection: 'reconnecting' } as const;
  expect(connection(state)).toBe('connected');
  expect(connection({ ...state, selected: 'abc' })).toBe('reconnecting');
  expect(connection({ ...state, selected: 'abc', globalConnection: 'disconnected' })).toBe('disconnected');
});

test('the last sixty rates are kept', () => {
  let state = createPageStore().getState();
  for (let rate = 1; rate <= 70; rate += 1) state = { ...state, ...afterMetrics(state, { metrics: { tokensPerSec: rate } as Metrics, health: {} as Health }, rate) };
  const { rates } = state.figures;
  expect([rates.length, rates[0], rates[59]]).toEqual([60, 11, 70]);
});
