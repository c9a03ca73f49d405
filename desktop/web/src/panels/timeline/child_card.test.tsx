// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { chooseMode, writeDraft } from '../../actions/composer';
import { submitTurn } from '../../actions/turns';
import { usePageState } from '../../hooks';
import { nextMode } from '../../state';
import { testBench } from '../../testing/page';
import { Questions } from '../permission/questions';
import { PlanAnswer } from '../composer/plan_answer';
import { Todo } from '../todo/todo';
import { TurnView } from './turn';

const bench = testBench();
const T1 = { turn: 't1' };
const START = { ...T1, event: 'turn.start', role: 'user', text: 'Look at it', mode: 'do', level: 'L2' };
const STEP = { ...T1, event: 'step.start', step: 1, provider: 'lmx', model: 'qwen', attempt: 1 };
const CHILD = { ...T1, callId: 'c1', childSid: 'cdefab' };
const CALLS = [
  { ...T1, event: 'tool.call', callId: 'c1', name: 'agent', args: { title: 'api', task: 'Look.' }, risk: 'read', step: 1 },
  { ...CHILD, event: 'child.start', title: 'api' },
];
const DONE = { ...T1, event: 'turn.done', tokens: 12, elapsed: 2, tokensPerSec: 9, tools: 1, steps: 1, finish: 'stop' };

// What the timeline and the dock draw, without the layout that only a browser has.
function Session() {
  usePageState((state) => state.version);
  const { turns } = usePageState((state) => state.transcript);
  return (
    <>
      {turns.map((turn, at) => (
        <TurnView key={turn.id} turn={turn} at={at + 1} of={turns.length} />
      ))}
      <Todo />
      <Questions />
      <PlanAnswer />
    </>
  );
}

async function drawn(...events: object[]) {
  const { id } = bench.gateway.addSession();
  const user = bench.draw(<Session />);
  await bench.start();
  for (const event of events) bench.gateway.append(id, event as Record<string, unknown>);
  await bench.pass();
  return { id, user };
}

const card = (name: string) => within(screen.getByRole('region', { name: `Sub-agent api, ${name}` }));

test('a sub-agent is a card with its state, its use and its report, and opens its session', async () => {
  const { id, user } = await drawn(START, STEP, ...CALLS);
  expect(card('waits for a place').getByRole<HTMLButtonElement>('button', { name: 'Open' }).disabled).toBe(true);
  const state = { ...CHILD, event: 'child.state', state: 'running', childTurn: 't1', step: 3, calls: 4, tokens: 1234 };
  bench.gateway.append(id, state);
  await bench.pass();
  expect(card('working').getByText(`working · step 3 · 4 calls · ${(1234).toLocaleString()} tokens`)).toBeTruthy();
  bench.gateway.append(id, { ...state, state: 'done' });
  bench.gateway.append(id, { ...T1, event: 'tool.result', callId: 'c1', ok: true, content: 'All is well.', lines: 1 });
  await bench.pass();
  await user.click(card('done').getByRole('button', { name: 'Report' }));
  expect(screen.getByText('All is well.')).toBeTruthy();
  await user.click(card('done').getByRole('button', { name: 'Open' }));
  expect(bench.page.state.selected).toBe('cdefab');
});

test('a question of a sub-agent is shown with its name, and answered in its session', async () => {
  const asked = { seq: 9, event: 'permission.request', sid: 'cdefab', turn: 't1', requestId: 'r1', callId: 'x1', name: 'write_file', args: { path: 'a.txt' }, reason: 'why', rule: 'r', layer: 'defaults', expiresAt: '2099-01-01T00:00:00Z', diff: '+a', writing: { bytes: 1, sha256: 'ab' } };
  bench.gateway.answers['GET /v3/sessions/cdefab/events'] = { events: [asked], lastSeq: 9 };
  const waiting = { ...CHILD, event: 'child.state', state: 'waiting', childTurn: 't1', step: 1, asks: 'write_file a.txt', askSeq: 9 };
  const { id, user } = await drawn(START, STEP, ...CALLS, waiting);
  const question = within(screen.getByRole('region', { name: 'Question of the sub-agent api' }));
  expect(question.getByText(/Write a file\?/)).toBeTruthy();
  await bench.pass(1_000);
  await user.click(question.getByRole('button', { name: 'Allow once' }));
  await bench.pass();
  expect(bench.gateway.requests.at(-1)).toMatchObject({ method: 'POST', path: '/v3/sessions/cdefab/permissions/r1', body: { decision: 'allow' } });
  bench.gateway.append(id, { ...CHILD, event: 'child.state', state: 'running', childTurn: 't1', step: 1 });
  await bench.pass();
  expect(screen.queryByRole('region', { name: 'Question of the sub-agent api' })).toBeNull();
});

test('the to-do list shows what is being done, and goes when all is done', async () => {
  const items = [
    { text: 'Look', state: 'done' },
    { text: 'Change it', state: 'doing' },
  ];
  const { id } = await drawn(START, STEP, { ...T1, event: 'plan.updated', items });
  // In the list, and in the turn where it was changed.
  expect(screen.getByText('1 of 2 done')).toBeTruthy();
  expect(screen.getByText('1 of 2 done · Change it')).toBeTruthy();
  expect(screen.getAllByText('Change it').length).toBeGreaterThan(0);
  bench.gateway.append(id, { ...T1, event: 'plan.updated', items: items.map((item) => ({ ...item, state: 'done' })) });
  bench.gateway.append(id, DONE);
  await bench.pass();
  expect(screen.queryByRole('group', { name: 'Plan' })).toBeNull();
});

test('a plan is accepted with one button, or changed in mode plan', async () => {
  const { id, user } = await drawn({ ...START, mode: 'plan' }, STEP, { ...T1, event: 'turn.token', delta: '1. Do it.' }, DONE);
  await user.click(screen.getByRole('button', { name: 'Change' }));
  expect([bench.page.state.overrides, bench.focused]).toEqual([{ mode: 'plan' }, ['composer']]);
  await user.click(screen.getByRole('button', { name: 'Accept and do' }));
  await bench.pass();
  expect(bench.gateway.posted(/turns$/)).toEqual([{ fromPlan: 't1', mode: 'do' }]);
  bench.gateway.append(id, { ...START, turn: 't2', text: 'The plan', fromPlan: 't1' });
  await bench.pass();
  expect(screen.getByText('✓ Accepted, carried out in t2')).toBeTruthy();
  expect(screen.queryByRole('button', { name: 'Accept and do' })).toBeNull();
});

test('what is said to a plan is said in mode plan, until another mode is chosen', async () => {
  await drawn({ ...START, mode: 'plan' }, STEP, { ...T1, event: 'turn.token', delta: '1. Do it.' }, DONE);
  expect(nextMode(bench.page.state)).toBe('plan');
  await perform(bench.page, writeDraft, 'Leave out step 2.');
  await perform(bench.page, submitTurn, undefined);
  await perform(bench.page, writeDraft, 'Do it.');
  await perform(bench.page, chooseMode, 'do');
  await perform(bench.page, submitTurn, undefined);
  expect(bench.gateway.posted(/turns$/)).toEqual([
    { text: 'Leave out step 2.', mode: 'plan' },
    { text: 'Do it.', mode: 'do' },
  ]);
});

test('the end of a sub-agent is no news, its question is', async () => {
  await drawn();
  const prompt = { event: 'turn.start', turn: 't1', role: 'agent', text: 'Look.', mode: 'do', level: 'L2' };
  bench.gateway.append('cdefab', prompt);
  bench.gateway.append('cdefab', { event: 'question.asked', turn: 't1', questionId: 'q', callId: 'c', text: 'Which?' });
  bench.gateway.append('cdefab', DONE);
  await bench.pass();
  expect(bench.notified).toEqual([['Opta: s-cdefab', 'Asks you: Which?']]);
});
