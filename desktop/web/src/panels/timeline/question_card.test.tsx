// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { TurnView } from './turn';

const bench = testBench();
const T1 = { turn: 't1' };
const BEGIN = [
  { ...T1, event: 'turn.start', role: 'user', text: 'go', mode: 'do', level: 'L2' },
  { ...T1, event: 'step.start', step: 1, provider: 'p', model: 'm', attempt: 1 },
  { ...T1, event: 'tool.call', callId: 'c1', name: 'ask_user', args: { question: 'Which?' }, risk: 'read', step: 1 },
  { ...T1, event: 'question.asked', questionId: 'q1', callId: 'c1', text: 'Which database?', options: ['Postgres', 'SQLite'] },
];

async function drawn(...more: Record<string, unknown>[]) {
  const { id } = bench.gateway.addSession();
  await bench.start();
  for (const event of [...BEGIN, ...more]) bench.gateway.append(id, event);
  await bench.pass();
  const turn = bench.page.state.transcript.turns[0];
  if (!turn) throw new Error('there is no turn');
  return bench.draw(<TurnView turn={turn} at={1} of={1} />);
}

test('an open question leads to the list in which it is answered', async () => {
  const user = await drawn();
  expect(screen.getByText('Which database?')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Answer below' }));
  expect(bench.focused).toEqual(['question']);
});

test('an answered question shows its answer, and one that nobody answered says so', async () => {
  await drawn({ ...T1, event: 'question.answered', questionId: 'q1', callId: 'c1', by: 'client', text: 'SQLite', client: 'the terminal' });
  expect(screen.getByText('You answered in the terminal: SQLite')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'SQLite' })).toBeNull();
});

test('a question of a turn that has ended takes no answer', async () => {
  await drawn({ ...T1, event: 'session.cancelled', reason: 'Stopped.', by: 'client' });
  expect(screen.getByText('Nobody answered.')).toBeTruthy();
});
