import { expect, test } from 'vitest';
import { START, step, transcriptOf } from '../../testing/turns';
import { asidesOf, between } from './asides';

const added = (source: string, tokens: number, text = '') => ({ event: 'context.injected', source, tokens, text });

const turnOf = (...events: object[]) => {
  const [turn] = transcriptOf(START, ...events).turns;
  if (!turn) throw new Error('there is no turn');
  return turn;
};

test('marks and remarks come in the order in which they happened; who allowed a call does not', () => {
  const turn = turnOf(
    step(1),
    { event: 'warning', code: 'x', message: 'Full.' },
    { event: 'permission.decision', callId: 'c', decision: 'allow', by: 'client' },
    { event: 'route.switch', from: 'a', to: 'b', reason: 'silent' },
    { event: 'turn.paused', step: 2 },
  );
  expect(asidesOf(turn).map((aside) => [aside.seq, aside.kind])).toEqual([
    [4, 'warning'],
    [6, 'model'],
    [7, 'pause'],
  ]);
});

test('what is added to the prompt at one point is one row with the texts; what is added later is another', () => {
  const turn = turnOf(added('environment', 9), added('AGENTS.md', 40, 'rules'), added('memory: of x', 7, 'likes tabs'), step(1), added('AGENTS.md', 5, 'more rules'));
  expect(asidesOf(turn).map((aside) => aside.kind === 'injected' && aside.parts)).toEqual([
    [
      { source: 'AGENTS.md', tokens: 40, text: 'rules' },
      { source: 'memory: of x', tokens: 7, text: 'likes tabs' },
    ],
    [{ source: 'AGENTS.md', tokens: 5, text: 'more rules' }],
  ]);
});

test('an aside belongs to the stretch in which its event lies', () => {
  const asides = asidesOf(turnOf(step(1), { event: 'warning', code: 'x', message: 'one' }, step(2), { event: 'warning', code: 'x', message: 'two' }));
  expect([between(asides, 3, 5).length, between(asides, 5, Infinity).length, between(asides, 0, 3).length]).toEqual([1, 1, 0]);
});
