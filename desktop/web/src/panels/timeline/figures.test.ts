import { expect, test } from 'vitest';
import { call, START, step, transcriptOf } from '../../testing/turns';
import { figuresOf } from './figures';

const done = (number: number, more: object) => ({ event: 'step.done', step: number, tokens: 10, promptTokens: 100, cachedTokens: 50, finish: 'stop', ...more });
const figures = (...events: object[]) => {
  const [turn] = transcriptOf(START, ...events).turns;
  if (!turn) throw new Error('there is no turn');
  return figuresOf(turn);
};

test('a turn that was done has the figures of its last event, and what its steps add', () => {
  const end = { event: 'turn.done', tokens: 25, elapsed: 3.5, tokensPerSec: 9, tools: 1, steps: 2, finish: 'stop', thinkingTokens: 4, firstTokenMs: 250, children: 1, childTokens: 70 };
  const found = figures(step(1), call('c', 'grep', {}), done(1, {}), step(2, { model: 'other' }), done(2, { cachedTokens: 100 }), end);
  expect(found).toEqual({ tokens: 25, rate: 9, elapsedS: 3.5, firstTokenMs: 250, tools: 1, steps: 2, thinkingTokens: 4, cachedPercent: 75, models: ['qwen', 'other'], children: 1, childTokens: 70 });
});

test('a turn that was stopped has what its steps show', () => {
  const found = figures(step(1), { event: 'turn.token', delta: 'a' }, call('c', 'grep', {}), done(1, { thinkingTokens: 3 }), { event: 'session.cancelled', reason: 'Stopped.', by: 'client' });
  expect(found).toEqual({ tokens: 10, rate: 0, elapsedS: 5, firstTokenMs: 1_000, tools: 1, steps: 1, thinkingTokens: 3, cachedPercent: 50, models: ['qwen'], children: 0, childTokens: 0 });
});

test('what nobody counted is not known', () => {
  expect(figures(step(1)).cachedPercent).toBeNull();
});
