// @vitest-environment jsdom
// The open questions: a list of which one is shown, answered only by its own buttons, and closed when somebody else was faster.

import { act, fireEvent, screen } from '@testing-library/react';
import userEvent from '@testing-library/user-event';
import { expect, test, vi } from 'vitest';
import { testBench } from '../../testing/page';
import { SETTLE_MS } from '../../ui/settled';
import { Questions } from './questions';

const bench = testBench();

async function ask(count: number): Promise<void> {
  const { id } = bench.gateway.addSession();
  bench.draw(<Questions />);
  await bench.start();
  bench.gateway.append(id, { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' });
  bench.gateway.append(id, { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 });
  for (let at = 1; at <= count; at += 1) {
    const call = { turn: 't1', callId: `c${at}`, name: 'list_dir', args: { path: `folder-${at}` } };
    bench.gateway.append(id, { ...call, event: 'tool.call', risk: 'read', step: 1 });
    const expiresAt = new Date(Date.now() + 300_000).toISOString();
    bench.gateway.append(id, { ...call, event: 'permission.request', requestId: `r${at}`, reason: 'list_dir = ask', rule: '', layer: '', expiresAt });
  }
  await bench.pass();
}

const card = () => screen.queryByRole('region', { name: 'Permission' });
const button = (name: string) => screen.getByRole<HTMLButtonElement>('button', { name });
const answers = () => bench.gateway.requests.filter(({ path }) => path.includes('/permissions/')).map(({ path, body }) => [path.split('/').pop(), body.decision]);

test('a question cannot be answered before it was on the screen for a moment', async () => {
  await ask(1);
  expect(button('Allow once').disabled).toBe(true);
  await bench.pass(SETTLE_MS);
  fireEvent.click(button('Allow once'));
  await bench.pass();
  expect(answers()).toEqual([['r1', 'allow']]);
});

test('the next question starts its own moment, so a double click answers one', async () => {
  await ask(2);
  await bench.pass(SETTLE_MS);
  expect(card()?.textContent).toContain('1 of 2');
  fireEvent.click(button('Deny'));
  fireEvent.click(button('Deny'));
  await bench.pass();
  bench.gateway.append('sid1', { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'deny', by: 'client' });
  await bench.pass(100);
  expect(card()?.textContent).toContain('folder-2');
  fireEvent.click(button('Deny'));
  await bench.pass();
  expect(answers()).toEqual([['r1', 'deny']]);
});

test('Escape denies within the card, and a held key does nothing', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  const shown = card();
  if (!shown) throw new Error('nothing is asked');
  fireEvent.keyDown(document.body, { key: 'Escape' });
  await bench.pass(SETTLE_MS * 2);
  fireEvent.keyDown(shown, { key: 'Escape', repeat: true });
  await bench.pass(SETTLE_MS * 2);
  expect(answers()).toEqual([]);
  fireEvent.keyDown(shown, { key: 'Escape' });
  await bench.pass();
  expect(answers()).toEqual([['r1', 'deny']]);
});

test('an answer that does not arrive can be given again', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  bench.gateway.refusals['POST /v3/sessions/sid1/permissions/r1'] = [503, 'unavailable', 'The store does not answer.'];
  fireEvent.click(button('Allow once'));
  await bench.pass();
  expect(bench.page.state.problem).toBe('The store does not answer.');
  bench.gateway.refusals = {};
  fireEvent.click(button('Allow once'));
  await bench.pass();
  expect(answers()).toHaveLength(2);
});

test('a question that was answered elsewhere closes, and says where', async () => {
  await ask(1);
  const decision = { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'deny', by: 'client', client: 'the terminal' };
  bench.gateway.append('sid1', decision);
  await bench.pass();
  expect(card()).toBeNull();
  expect(screen.getByRole('status').textContent).toContain('List folder-1: Answered in the terminal: denied.');
  act(() => button('Dismiss').click());
  expect(screen.queryByRole('status')).toBeNull();
});

test('an answer from another window of the page is said to be one', async () => {
  await ask(1);
  bench.gateway.append('sid1', { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'allow', by: 'client', client: 'the page' });
  await bench.pass();
  expect(screen.getByRole('status').textContent).toContain('List folder-1: Answered in another window: allowed.');
});

test('an expired question is dead before the daemon closes it, and then says that nobody answered', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  expect(card()?.textContent).toMatch(/[45]:\d\d left/);
  await bench.pass(300_000);
  expect(screen.getByRole('alert').textContent).toContain('This question has expired');
  expect(screen.getAllByRole<HTMLButtonElement>('button').every((each) => each.disabled)).toBe(true);
  bench.gateway.append('sid1', { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'deny', by: 'timeout' });
  await bench.pass();
  expect(screen.getByRole('status').textContent).toContain('Nobody answered in time, so it was not run.');
});

test('each question of a list can be reached and answered, and the list says which is shown', async () => {
  await ask(3);
  fireEvent.click(button('List folder-2'));
  expect(card()?.textContent).toContain('2 of 3');
  expect(button('List folder-2').getAttribute('aria-current')).toBe('true');
  await bench.pass(SETTLE_MS);
  fireEvent.click(button('Allow once'));
  await bench.pass();
  bench.gateway.append('sid1', { event: 'permission.decision', turn: 't1', callId: 'c2', requestId: 'r2', decision: 'allow', by: 'client', client: 'the page' });
  await bench.pass(100);
  // The one that came to its place, with a moment of its own.
  expect(card()?.textContent).toContain('folder-3');
  expect(button('Allow once').disabled).toBe(true);
  expect(answers()).toEqual([['r2', 'allow']]);
  expect(screen.queryByRole('status')).toBeNull();
});

test('a new question does not take the place of the one that is shown', async () => {
  await ask(2);
  fireEvent.click(button('List folder-2'));
  const call = { turn: 't1', callId: 'c9', name: 'list_dir', args: { path: 'folder-9' } };
  bench.gateway.append('sid1', { ...call, event: 'tool.call', risk: 'read', step: 1 });
  bench.gateway.append('sid1', { ...call, event: 'permission.request', requestId: 'r9', reason: '', rule: '', layer: '', expiresAt: new Date(Date.now() + 300_000).toISOString() });
  await bench.pass();
  expect(card()?.textContent).toContain('2 of 3');
  expect(card()?.textContent).toContain('folder-2');
});

test('a denial takes a note for the model, and Escape in the note goes back without an answer', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  const shown = card();
  if (!shown) throw new Error('nothing is asked');
  fireEvent.keyDown(shown, { key: 'n' });
  await bench.pass(SETTLE_MS);
  fireEvent.keyDown(screen.getByRole('textbox', { name: 'Note to the model' }), { key: 'Escape' });
  await bench.pass(SETTLE_MS);
  expect([answers(), screen.queryByRole('textbox')]).toEqual([[], null]);
  fireEvent.click(button('Deny with a note'));
  fireEvent.change(screen.getByRole('textbox', { name: 'Note to the model' }), { target: { value: ' read it first ' } });
  await bench.pass(SETTLE_MS);
  fireEvent.click(button('Deny'));
  await bench.pass();
  expect(bench.gateway.posted(/permissions\/r1$/)).toEqual([{ decision: 'deny', client: 'the page', note: 'read it first' }]);
});

test('the letters of the card decide nothing', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  const shown = card();
  if (!shown) throw new Error('nothing is asked');
  for (const key of ['a', 'y', 'Enter', ' ', 'd', '1']) fireEvent.keyDown(shown, { key });
  await bench.pass(SETTLE_MS);
  expect(answers()).toEqual([]);
});

const OFFERS = [
  { id: 'network', label: 'Allow, with network', preview: 'this once' },
  { id: 'always', label: 'Always allow ls folder-1', preview: 'exactly this, in this folder', words: ['ls folder-1'], folder: '/work' },
  { id: 'prefix', label: 'Always allow ls …', preview: 'any words may follow; would have covered: ls a, ls b', words: ['ls …'], folder: '/work' },
  { id: 'session', label: 'Allow commands in this session', words: ['any plain command in this folder'], folder: '/work' },
];

test('wider answers are a list with what each would have covered, and are given after their words were shown', async () => {
  await ask(1);
  const call = { turn: 't1', callId: 'c1', name: 'list_dir', args: { path: 'folder-1' } };
  bench.gateway.append('sid1', { ...call, event: 'permission.request', requestId: 'r1', reason: '', rule: '', layer: '', expiresAt: new Date(Date.now() + 300_000).toISOString(), offers: OFFERS });
  await bench.pass(SETTLE_MS);
  expect(screen.getByRole('button', { name: 'Allow, with network' })).toBeTruthy();
  fireEvent.click(button('Always allow ls folder-1 …'));
  expect(screen.getAllByRole('radio')).toHaveLength(3);
  expect(card()?.textContent).toContain('would have covered: ls a, ls b');
  expect(card()?.textContent).toContain('until it is revoked');
  await bench.pass(SETTLE_MS);
  fireEvent.click(screen.getByRole('radio', { name: /Allow commands in this session/ }));
  // Another scope is another thing to read.
  expect(button('Allow this in the session').disabled).toBe(true);
  expect(card()?.textContent).toContain('any plain command in this folder');
  expect(answers()).toEqual([]);
  await bench.pass(SETTLE_MS);
  fireEvent.click(button('Allow this in the session'));
  await bench.pass();
  expect(bench.gateway.posted(/permissions\/r1$/)).toEqual([{ decision: 'session', client: 'the page', offer: 'session' }]);
});

test('what the model asks is in the same list, and is answered with an option or other words', async () => {
  await ask(1);
  bench.gateway.append('sid1', { event: 'tool.call', turn: 't1', callId: 'q1', name: 'ask_user', args: { question: 'Which database?' }, risk: 'read', step: 1 });
  bench.gateway.append('sid1', { event: 'question.asked', turn: 't1', callId: 'q1', questionId: 'a1', text: 'Which database?', options: ['sqlite', 'postgres'] });
  await bench.pass();
  fireEvent.click(button('Which database?'));
  expect(button('sqlite').disabled).toBe(true);
  await bench.pass(SETTLE_MS);
  fireEvent.click(button('sqlite'));
  await bench.pass();
  expect(bench.gateway.posted(/questions\/a1$/)).toEqual([{ text: 'sqlite', client: 'the page' }]);
  bench.gateway.append('sid1', { event: 'question.answered', turn: 't1', callId: 'q1', questionId: 'a1', by: 'client', text: 'sqlite', client: 'the page' });
  await bench.pass();
  expect(card()?.textContent).toContain('folder-1');
  expect(screen.queryByRole('status')).toBeNull();
});

test('the answer to a question of a sub-agent that was given elsewhere is read from its session', async () => {
  const { id } = bench.gateway.addSession();
  bench.draw(<Questions />);
  await bench.start();
  const CHILD = { turn: 't1', callId: 'c1', childSid: 'child1' };
  const request = { seq: 9, event: 'permission.request', sid: 'child1', turn: 't1', callId: 'x1', requestId: 'r9', name: 'list_dir', args: { path: 'below' }, reason: '', rule: '', layer: '', expiresAt: new Date(Date.now() + 300_000).toISOString() };
  bench.gateway.answers['GET /v3/sessions/child1/events'] = { events: [request], lastSeq: 9 };
  const events = [
    { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' },
    { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 },
    { event: 'tool.call', turn: 't1', callId: 'c1', name: 'agent', args: { title: 'api' }, risk: 'read', step: 1 },
    { ...CHILD, event: 'child.start', title: 'api' },
    { ...CHILD, event: 'child.state', state: 'waiting', childTurn: 't1', asks: 'list_dir below', askSeq: 9 },
  ];
  for (const event of events) bench.gateway.append(id, event);
  await bench.pass();
  expect(screen.getByRole('region', { name: 'Question of the sub-agent api' }).textContent).toContain('Sub-agent “api” (s-child1) asks:');
  bench.gateway.answers['GET /v3/sessions/child1/events'] = { events: [{ event: 'permission.decision', requestId: 'r9', callId: 'x1', decision: 'deny', by: 'client', client: 'the terminal' }], lastSeq: 10 };
  bench.gateway.append(id, { ...CHILD, event: 'child.state', state: 'running', childTurn: 't1', asks: '', askSeq: 0 });
  await bench.pass();
  expect(screen.getByRole('status').textContent).toContain('List below: Answered in the terminal: denied.');
});

test('a note that is written fast is sent with Enter at once', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime, delay: 20 });
  await user.click(button('Deny with a note'));
  await user.keyboard('{Enter}');
  expect(answers()).toEqual([]);
  await user.keyboard('no{Enter}');
  await bench.pass();
  expect(bench.gateway.posted(/permissions\/r1$/)).toEqual([{ decision: 'deny', client: 'the page', note: 'no' }]);
});

test('the focus goes on to the message when the last question was answered in its card', async () => {
  await ask(1);
  await bench.pass(SETTLE_MS);
  act(() => button('Deny').focus());
  fireEvent.click(button('Deny'));
  await bench.pass();
  bench.gateway.append('sid1', { event: 'permission.decision', turn: 't1', callId: 'c1', requestId: 'r1', decision: 'deny', by: 'client', client: 'the page' });
  await bench.pass();
  expect(bench.focused).toEqual(['composer']);
});

test('other words than the options answer the model, too, however fast they are written', async () => {
  await ask(0);
  bench.gateway.append('sid1', { event: 'tool.call', turn: 't1', callId: 'q1', name: 'ask_user', args: { question: 'Which?' }, risk: 'read', step: 1 });
  bench.gateway.append('sid1', { event: 'question.asked', turn: 't1', callId: 'q1', questionId: 'a1', text: 'Which?', options: ['sqlite'] });
  await bench.pass();
  const user = userEvent.setup({ advanceTimers: vi.advanceTimersByTime, delay: 20 });
  await user.type(screen.getByRole('textbox', { name: 'Your answer' }), 'Neither{Enter}');
  await bench.pass();
  expect(bench.gateway.posted(/questions\/a1$/)).toEqual([{ text: 'Neither', client: 'the page' }]);
});

test('a question of the model that was answered elsewhere says where, and what', async () => {
  await ask(0);
  bench.gateway.append('sid1', { event: 'tool.call', turn: 't1', callId: 'q1', name: 'ask_user', args: { question: 'Which?' }, risk: 'read', step: 1 });
  bench.gateway.append('sid1', { event: 'question.asked', turn: 't1', callId: 'q1', questionId: 'a1', text: 'Which?', options: [] });
  await bench.pass();
  expect(screen.getByRole('region', { name: 'Question of the model' })).toBeTruthy();
  bench.gateway.append('sid1', { event: 'question.answered', turn: 't1', callId: 'q1', questionId: 'a1', by: 'client', text: 'sqlite', client: 'the terminal' });
  await bench.pass();
  expect(screen.queryByRole('region', { name: 'Question of the model' })).toBeNull();
  expect(screen.getByRole('status').textContent).toContain('Which?: Answered in the terminal: sqlite');
});
