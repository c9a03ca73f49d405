import { expect, test } from 'vitest';
import { draft, withDraft } from '../state';
import { testBench } from '../testing/page';
import { perform } from './action';
import { chooseMode } from './composer';
import { openSession } from './sessions';
import { redoFile, redoTurn, undoFile, undoTurn, undoTurnPartly } from './changes';
import { resumeTurn, stopTurn, submitTurn } from './turns';

const bench = testBench();
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' };
const STEP = { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 };

const write = (text: string) => bench.page.set(withDraft(bench.page.state, bench.page.state.selected, text));

test('a message is sent to the open session, and leaves the composer once the daemon has it', async () => {
  bench.gateway.addSession();
  await bench.start();
  write('hello');
  await perform(bench.page, chooseMode, 'do');
  expect(await perform(bench.page, submitTurn, undefined)).toBe(true);
  expect(bench.gateway.posted(/./)).toEqual([{ text: 'hello', mode: 'do' }]);
  expect([draft(bench.page.state), bench.page.state.overrides]).toEqual(['', {}]);
});

test('a blank message is not sent, nor one beside another that is on its way', async () => {
  bench.gateway.addSession();
  await bench.start();
  write('  \n');
  expect(await perform(bench.page, submitTurn, undefined)).toBe(false);
  write('hello');
  const both = [perform(bench.page, submitTurn, undefined), perform(bench.page, submitTurn, undefined)];
  expect(await Promise.all(both)).toEqual([true, false]);
  expect(bench.gateway.posted(/turns$/)).toHaveLength(1);
});

test('what is written behind a message, and chosen, while it is on its way stays', async () => {
  bench.gateway.addSession();
  await bench.start();
  write('hello');
  const sent = perform(bench.page, submitTurn, undefined);
  write('hello, and more');
  await perform(bench.page, chooseMode, 'do');
  await sent;
  expect([draft(bench.page.state), bench.page.state.overrides]).toEqual([', and more', { mode: 'do' }]);
});

test('a session that is opened while the first message is on its way stays open', async () => {
  bench.gateway.addSession({ title: 'other' });
  await bench.start();
  bench.page.open('');
  write('hello');
  const sent = perform(bench.page, submitTurn, undefined);
  await perform(bench.page, openSession, 'sid1');
  await sent;
  expect(bench.page.state.selected).toBe('sid1');
  expect(bench.gateway.posted(/turns$/)).toHaveLength(1);
});

test('overrides belong to the next message of their session', async () => {
  bench.gateway.addSession();
  bench.gateway.addSession();
  await bench.start();
  await perform(bench.page, chooseMode, 'do');
  await perform(bench.page, openSession, 'sid1');
  expect(bench.page.state.overrides).toEqual({});
  // They are there again with what was written.
  await perform(bench.page, openSession, 'sid2');
  expect(bench.page.state.overrides).toEqual({ mode: 'do' });
});

test('a running turn can be stopped, an ended one resumed', async () => {
  const { id } = bench.gateway.addSession();
  await bench.start();
  const offered = () => [stopTurn.when(bench.page.state), resumeTurn.when(bench.page.state)];
  expect(offered()).toEqual([false, false]);
  bench.gateway.append(id, START);
  bench.gateway.append(id, STEP);
  await bench.pass();
  expect(offered()).toEqual([true, false]);
  await perform(bench.page, stopTurn, undefined);
  bench.gateway.append(id, { event: 'session.cancelled', turn: 't1', reason: 'Stopped by the user.', by: 'user' });
  await bench.pass();
  expect(offered()).toEqual([false, true]);
  await perform(bench.page, resumeTurn, undefined);
  const paths = bench.gateway.requests.filter(({ method }) => method === 'POST').map(({ path }) => path);
  expect(paths).toEqual([`/v3/sessions/${id}/stop`, `/v3/sessions/${id}/resume`]);
});

test('what a turn changed can be undone and redone, in all files or in one', async () => {
  const { id } = bench.gateway.addSession();
  await bench.start();
  bench.gateway.append(id, START);
  bench.gateway.append(id, STEP);
  bench.gateway.append(id, { event: 'tool.call', turn: 't1', callId: 'c1', name: 'write_file', args: {}, risk: 'write', step: 1 });
  bench.gateway.append(id, { event: 'tool.result', turn: 't1', callId: 'c1', ok: true, content: '', changes: [{ path: 'a', before: '', after: '', diff: '' }] });
  bench.gateway.append(id, { event: 'files.changed', turn: 't1', callId: 'c1', changes: [{ path: 'b', after: 'x' }] });
  await bench.pass();
  const turn = bench.page.state.transcript.turns[0];
  if (!turn) throw new Error('there is no turn');
  expect(undoTurn.when(bench.page.state, turn)).toBe(false);
  bench.gateway.append(id, { event: 'turn.done', turn: 't1', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 1, steps: 1, finish: 'stop' });
  await bench.pass();
  expect(await perform(bench.page, undoTurn, turn)).toBe(true);
  expect(await perform(bench.page, undoTurnPartly, turn)).toBe(true);
  expect(await perform(bench.page, undoFile, { turn, path: 'a' })).toBe(true);
  expect(bench.gateway.posted(/undo$/)).toEqual([{ turnId: 't1' }, { turnId: 't1', partly: true }, { turnId: 't1', paths: ['a'] }]);
  expect(redoTurn.when(bench.page.state, turn)).toBe(false);
  bench.gateway.append(id, { event: 'turn.undone', turn: 't1', files: ['a'] });
  await bench.pass();
  expect([undoTurn.when(bench.page.state, turn), undoFile.when(bench.page.state, { turn, path: 'a' })]).toEqual([true, false]);
  bench.gateway.append(id, { event: 'turn.undone', turn: 't1', files: ['b'] });
  await bench.pass();
  expect(undoTurn.when(bench.page.state, turn)).toBe(false);
  expect(await perform(bench.page, redoTurn, turn)).toBe(true);
  expect(await perform(bench.page, redoFile, { turn, path: 'b' })).toBe(true);
  expect(bench.gateway.posted(/redo$/)).toEqual([{ turnId: 't1' }, { turnId: 't1', paths: ['b'] }]);
});

test('a refused action shows the reason', async () => {
  const { id } = bench.gateway.addSession();
  bench.gateway.refusals[`POST /v3/sessions/${id}/turns`] = [503, 'storage_full', 'The disk is full.'];
  await bench.start();
  write('hello');
  expect(await perform(bench.page, submitTurn, undefined)).toBe(false);
  expect([bench.page.state.problem, draft(bench.page.state), bench.page.state.isSending]).toEqual(['The disk is full.', 'hello', false]);
});
