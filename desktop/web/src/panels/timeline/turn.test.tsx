// @vitest-environment jsdom

import { cleanup, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import type { Turn } from '../../transcript';
import { TurnView } from './turn';

const bench = testBench();
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'Read it', mode: 'chat', level: 'L1' };
const STEP = { event: 'step.start', turn: 't1', step: 1, provider: 'lmx', model: 'qwen', attempt: 1 };
const CALL = { event: 'tool.call', turn: 't1', callId: 'c1', name: 'run_command', args: { command: 'npm test' }, risk: 'execute', step: 1 };
const DONE = { event: 'turn.done', turn: 't1', tokens: 1234, elapsed: 2, tokensPerSec: 94.2, tools: 1, steps: 1, finish: 'stop' };

// The first turn of a session with these events, as it is drawn at the end.
async function drawn(...events: object[]) {
  const { id } = bench.gateway.addSession();
  await bench.start();
  for (const event of events) bench.gateway.append(id, event as Record<string, unknown>);
  await bench.pass();
  const turn = bench.page.state.transcript.turns[0];
  if (!turn) throw new Error('there is no turn');
  return bench.draw(<TurnView turn={turn} at={1} of={1} />);
}

test('a turn shows the prompt, the answer, the model and the figures', async () => {
  const user = await drawn(START, STEP, { event: 'turn.thinking', turn: 't1', delta: 'Hm.' }, { event: 'turn.token', turn: 't1', delta: '# Plan' }, DONE);
  expect(screen.getByText('Read it')).toBeTruthy();
  expect(screen.getByRole('heading', { name: 'Plan' })).toBeTruthy();
  expect(screen.getByRole('heading', { name: /Assistant turn 1 · qwen · lmx/ })).toBeTruthy();
  expect(screen.getByText(`${(1234).toLocaleString()} tokens`)).toBeTruthy();
  expect(screen.queryByRole('button', { name: /Undo/ })).toBeNull();
  await user.click(screen.getByRole('button', { name: /Thinking · about 1 token/ }));
  expect(screen.getByText('Hm.')).toBeTruthy();
});

test('a turn without an answer says what it waits for', async () => {
  await drawn(START, { event: 'turn.queued', turn: 't1', position: 1 });
  expect(screen.getByText('Waiting for the turn before')).toBeTruthy();
});

test('a silent model is shown with its seconds, and why it was asked again', async () => {
  const again = { ...STEP, step: 2, nudge: 'Your last answer was empty.' };
  await drawn(START, STEP, again, { event: 'step.waiting', turn: 't1', step: 2, phase: 'prompt', seconds: 41.7 });
  expect(screen.getByText('Waiting for the model · 42 s')).toBeTruthy();
  expect(screen.getByText(/asked again: Your last answer was empty\./)).toBeTruthy();
});

test('a failed turn shows the reason, and can be resumed when it is the last', async () => {
  const user = await drawn(START, STEP, { event: 'turn.error', turn: 't1', code: 'provider_auth', message: 'The key was refused.', domain: 'inference' });
  expect(screen.getByText(/The key was refused\./)).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Resume' }));
  await bench.pass();
  expect(bench.gateway.posted(/resume$/)).toHaveLength(1);
});

test('a turn that met a limit says that it is not finished, and can be resumed', async () => {
  const user = await drawn(START, STEP, { event: 'warning', turn: 't1', code: 'steps', message: 'The turn met its limit max-steps = 200.' }, { ...DONE, finish: 'steps' });
  expect(screen.getByText(/Stopped at a limit; it is not finished/)).toBeTruthy();
  expect(screen.getByText(/met its limit max-steps = 200/)).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Resume' }));
  await bench.pass();
  expect(bench.gateway.posted(/resume$/)).toHaveLength(1);
});

test('a failed call shows its first line while closed, and its output when opened', async () => {
  const result = { event: 'tool.result', turn: 't1', callId: 'c1', ok: false, content: 'exit code 3\nTypeError: x', lines: 2, durationMs: 81.6 };
  const user = await drawn(START, STEP, CALL, result);
  const card = screen.getByRole('region', { name: 'Run npm test, failed' });
  expect(card.textContent).toContain('failed · 82 ms');
  expect(within(card).getByText('exit code 3')).toBeTruthy();
  expect(within(card).queryByText(/TypeError/)).toBeNull();
  await user.click(within(card).getByRole('button', { expanded: false }));
  expect(within(card).getByText(/TypeError: x/)).toBeTruthy();
});

test('a changed file shows its diff, and can be undone', async () => {
  const change = { path: 'a.txt', before: '', after: '', diff: '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new' };
  const user = await drawn(START, STEP, { ...CALL, name: 'write_file', args: { path: 'a.txt' } }, { event: 'tool.result', turn: 't1', callId: 'c1', ok: true, content: '', changes: [change] }, DONE);
  expect([...document.querySelectorAll('[data-kind]')].map((each) => [each.getAttribute('data-kind'), each.textContent])).toEqual([['del', '−old'], ['add', '+new']]);
  await user.click(screen.getByRole('button', { name: 'Undo' }));
  await bench.pass();
  expect(bench.gateway.posted(/undo$/)).toEqual([{ turnId: 't1' }]);
});

test('the files that a turn changed are listed with what happened to them, and one that cannot be undone leaves the others', async () => {
  const effect = { event: 'files.changed', turn: 't1', callId: 'c1', changes: [{ path: 'a.txt', before: 'x', after: 'y' }, { path: 'run.sh', before: 'z', after: 'z' }] };
  const user = await drawn(START, STEP, CALL, effect, DONE);
  const files = [
    { path: 'a.txt', did: 'changed', kind: 'file', now: 'other', diff: '--- a/a.txt\n+++ b/a.txt\n@@ -1 +1 @@\n-old\n+new' },
    { path: 'run.sh', did: 'changed', kind: 'file', now: 'after', beforeMode: '100644', afterMode: '100755' },
    { path: 'log', did: 'created', kind: 'file', now: 'after', background: true },
  ];
  bench.gateway.answers['GET /v3/sessions/sid1/turns/t1/changes'] = { turnId: 't1', files, missed: ['make: too large'], notCovered: ['node_modules'], beside: ['s-abcdef'] };
  await user.click(screen.getByRole('button', { name: '2 files changed' }));
  await bench.pass();
  const list = screen.getByRole('list', { name: 'Changed files' });
  expect(within(list).getAllByRole('listitem').map((item) => item.textContent)).toEqual([
    'changed  a.txt +1 −1was changed sinceUndo ',
    'changed  run.sh mode 100644 → 100755Undo ',
    'created  log perhaps by a command in the backgroundUndo ',
    'Not known: make: too large',
    'Commands of s-abcdef ran in this folder at the same time.',
    'Never recorded: node_modules',
  ]);
  await user.click(within(list).getByRole('button', { name: 'changed a.txt +1 −1' }));
  expect(within(list).getByText('new').closest('[data-kind]')?.getAttribute('data-kind')).toBe('add');
  bench.gateway.refusals['POST /v3/sessions/sid1/undo'] = [409, 'conflict', 'a.txt was changed since'];
  await user.click(screen.getByRole('button', { name: 'Undo all' }));
  await bench.pass();
  delete bench.gateway.refusals['POST /v3/sessions/sid1/undo'];
  await user.click(screen.getByRole('button', { name: 'Undo the others' }));
  await bench.pass();
  expect(bench.gateway.posted(/undo$/).at(-1)).toEqual({ turnId: 't1', partly: true });
});

test('words for a running turn stand where they were read, and those that wait say so', async () => {
  const limits = { steps: 10, calls: 30, minutes: 90 };
  const read = { ...STEP, step: 2, steers: [{ id: 'a', text: 'Only in src.' }] };
  const wait = { event: 'turn.steer', turn: 't1', steerId: 'b', text: 'And quickly.' };
  await drawn(START, { ...STEP, limits }, { event: 'turn.steer', turn: 't1', steerId: 'a', text: 'Only in src.' }, read, wait);
  expect(screen.getByText('Only in src.')).toBeTruthy();
  expect(screen.getByText('step 2 of 10')).toBeTruthy();
  expect(screen.getByText('And quickly.').textContent).toBe('And quickly. · the next model call reads it');
});

test('a paused turn says so, and words that a turn ended without reading stay', async () => {
  await drawn(START, STEP, { event: 'turn.steer', turn: 't1', steerId: 'a', text: 'Too late.' }, { event: 'turn.pausing', turn: 't1', by: 'client' }, { event: 'turn.paused', turn: 't1', step: 2 });
  expect(screen.getByRole('heading', { name: /paused/ })).toBeTruthy();
  expect(screen.queryByText('Waiting for the first token')).toBeNull();
});

test('a card that was opened is open when its turn comes back on the screen', async () => {
  const user = await drawn(START, STEP, CALL, { event: 'tool.result', turn: 't1', callId: 'c1', ok: true, content: 'all of it', lines: 1, durationMs: 1 });
  await user.click(within(screen.getByRole('region', { name: 'Run npm test, done' })).getByRole('button'));
  cleanup();
  bench.draw(<TurnView turn={bench.page.state.transcript.turns[0] as Turn} at={1} of={1} />);
  expect(screen.getByText('all of it')).toBeTruthy();
});

test('points at which the turn may have left its course are listed with their event', async () => {
  const user = await drawn(START, STEP, { event: 'service.lost', turn: 't1', service: 'agent', reason: 'silent' }, { event: 'service.back', turn: 't1', service: 'agent', stall_ms: 1200 }, { ...STEP, attempt: 2 }, DONE);
  await user.click(screen.getByRole('button', { name: '3 marks where it may have changed course' }));
  expect(screen.getByRole('link', { name: 'event 4' }).getAttribute('href')).toBe('http://opta/#/s/sid1/4');
  expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual([
    'event 4 · service · agent was lost: silent',
    'event 5 · service · agent is back after 1200 ms',
    'event 6 · reconnect · step 1 was asked again, attempt 2: lmx/qwen',
  ]);
});

test('what hooks did is shown with the call and at the end of the turn, and what had nothing to say is not', async () => {
  const hook = (hookId: string, name: string, on: string, more: object = {}) => ({ event: 'hook.start', turn: 't1', hookId, hook: name, on, worker: 'w', step: 1, ...more });
  const end = (hookId: string, outcome: string, more: object = {}) => ({ event: 'hook.result', turn: 't1', hookId, outcome, ...more });
  const about = { callId: 'c1' };
  const user = await drawn(
    START,
    { event: 'context.injected', turn: 't1', source: 'skills', tokens: 9, text: '- pdf (p): Fill forms.', edition: 'e' },
    STEP,
    CALL,
    hook('h1', 'quiet', 'before-tool', about),
    end('h1', 'ok', about),
    hook('h2', 'guard', 'before-tool', { ...about, attempt: 2 }),
    end('h2', 'refused', { ...about, reason: 'Not on Fridays.' }),
    hook('h3', 'judge', 'before-tool', about),
    end('h3', 'failed', { ...about, reason: 'it ended with exit code 3.' }),
    hook('h4', 'ending', 'turn-end'),
  );
  expect(screen.getByText('⚙ hook guard (attempt 2) refused the call: Not on Fridays.')).toBeTruthy();
  expect(screen.getByText('⚙ hook judge failed: it ended with exit code 3. The call did not run.')).toBeTruthy();
  expect(screen.getByText('⚙ hook ending runs …')).toBeTruthy();
  expect(screen.queryByText(/quiet/)).toBeNull();
  await user.click(screen.getByRole('button', { name: 'Added to the prompt: skills (9 tokens)' }));
  expect(screen.getByText('- pdf (p): Fill forms.')).toBeTruthy();
});
