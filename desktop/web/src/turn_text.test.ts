import { expect, test } from 'vitest';
import { call, result, START, step, transcriptOf } from './testing/turns';
import { answerText, turnText } from './turn_text';

test('a turn is copied as Markdown: prompt, answers, calls with their output in a fence that it cannot close', () => {
  const [turn] = transcriptOf(
    START,
    step(1),
    { event: 'turn.token', delta: 'First.' },
    call('c1', 'run_command', { command: 'ls' }),
    result('c1', 'a\n```\nb'),
    { event: 'turn.steer', steerId: 's', text: 'Only src.' },
    step(2, { steers: [{ id: 's', text: 'Only src.' }] }),
    { event: 'turn.token', delta: 'Second.' },
    { event: 'turn.error', code: 'x', message: 'Lost.', domain: 'tool' },
  ).turns;
  if (!turn) throw new Error('there is no turn');
  expect(turnText(turn)).toBe('**You:** Do it\n\nFirst.\n\n> Run `ls` · ok\n\n````\na\n```\nb\n````\n\n**You:** Only src.\n\nSecond.\n\n*Lost.*\n');
  expect(answerText(turn)).toBe('First.\n\nSecond.');
});
