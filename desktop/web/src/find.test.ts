// Finding words in a transcript.

import { expect, test } from 'vitest';
import { find, HITS_MAX, patternOf } from './find';
import { call, result, START, step, transcriptOf } from './testing/turns';

const SESSION = transcriptOf(
  { ...START, text: 'Find the Needle, the needle!' },
  step(1),
  { event: 'turn.thinking', delta: 'A needle?' },
  { event: 'turn.token', delta: 'There is a nee' },
  { event: 'turn.token', delta: 'dle.' },
  call('c1', 'grep', { pattern: 'x', paths: [{ deep: 'needle.ts' }], limit: 7 }),
  result('c1', 'NEEDLE in line 3'),
  { event: 'turn.error', code: 'x', message: 'lost the needle', domain: 'tool' },
);

test('prompts, thoughts, answers, arguments, results and endings are searched in the order of the screen, without regard to case', () => {
  expect(find(SESSION, 'needle').hits.map(({ part, step: number, call: id, nth }) => [part, number, id, nth])).toEqual([
    ['prompt', 0, '', 0],
    ['prompt', 0, '', 1],
    ['thinking', 1, '', 0],
    ['answer', 1, '', 0],
    ['call', 1, 'c1', 0],
    ['call', 1, 'c1', 1],
    ['ending', 0, '', 0],
  ]);
});

test('a hit names its turn and the event at which its part begins', () => {
  expect(find(SESSION, 'line 3').hits).toEqual([{ turn: 't1', part: 'call', step: 1, call: 'c1', seq: 7, nth: 0 }]);
});

test('signs of patterns are searched as they are, and no words find nothing', () => {
  const session = transcriptOf({ ...START, text: 'a.b (c) [d] $e ^f {g} h|i \\j k-l' });
  for (const words of ['a.b', '(c)', '[d]', '$e', '^f', '{g}', 'h|i', '\\j', 'k-l']) expect(find(session, words).hits).toHaveLength(1);
  expect(find(session, 'axb').hits).toEqual([]);
  expect([find(session, '  ').hits, patternOf('')]).toEqual([[], null]);
});

test('so many hits are counted, and that there are more is said', () => {
  const { hits, isCut } = find(transcriptOf({ ...START, text: 'a'.repeat(HITS_MAX + 1) }), 'a');
  expect([hits.length, isCut]).toEqual([HITS_MAX, true]);
});
