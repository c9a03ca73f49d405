// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import type { Diagnosis } from '../../protocol';
import { testBench } from '../../testing/page';
import { Triage } from './triage';

const bench = testBench();
const STEPS: Diagnosis['steps'] = (['route', 'heartbeat', 'divergence', 'probe', 'domain'] as const).map((name, at) => ({ number: at + 1, name, ok: name !== 'domain', text: `about ${name}` }));
const RESTART = { kind: 'restart_service' as const, target: 'tools', label: 'Restart tools', command: 'opta daemon restart tools', automatic: true };
const BROKEN: Diagnosis = { at: '2026-01-01T10:20:30.000000Z', healthy: false, steps: STEPS, evidence: { hops: [], route: { model: 'lmx/probe' } }, domain: 'tool', reason: 'The tool worker is suspended.', fix: RESTART, elapsedMs: 2010 };
const WELL: Diagnosis = { ...BROKEN, healthy: true, reason: '', domain: null, fix: null };
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' };
const FAILED = { event: 'turn.error', turn: 't1', code: 'context_overflow', message: 'too long', domain: 'inference' };

async function drawn(...events: object[]) {
  const session = bench.gateway.addSession();
  const user = bench.draw(<Triage />);
  await bench.start();
  for (const event of events) bench.gateway.append(session.id, event as Record<string, unknown>);
  await bench.pass();
  return { user, sid: session.id };
}

test('the five steps are shown in order, and the fix is one button after which everything is looked at again', async () => {
  const { user, sid } = await drawn();
  bench.gateway.answers['POST /v3/diagnose'] = BROKEN;
  bench.gateway.answers['POST /v3/diagnose/fix'] = { done: 'tools was restarted (pid 7).' };
  await user.click(screen.getByRole('button', { name: /Diagnose/ }));
  await bench.pass();
  expect(screen.getAllByRole('listitem').map((item) => item.textContent)).toEqual(['✓ Route about route', '✓ Heartbeat about heartbeat', '✓ Divergence about divergence', '✓ Probe turn about probe', '✕ Failure domain about domain']);
  expect(screen.getByRole('status').textContent).toBe('✕ tool: The tool worker is suspended.');
  const [asked] = bench.gateway.posted(/diagnose$/);
  expect(asked).toMatchObject({ session: sid, client: { stream: 'connected', lastSeq: 1 } });
  bench.gateway.answers['POST /v3/diagnose'] = WELL;
  await user.click(screen.getByRole('button', { name: /Restart tools/ }));
  await bench.pass();
  expect(bench.gateway.posted(/fix$/)).toEqual([{ kind: 'restart_service', target: 'tools', session: sid }]);
  expect(screen.getByRole('status').textContent).toBe('● Nothing is broken');
  expect(screen.queryByRole('button', { name: /Restart tools/ })).toBeNull();
});

test('a fix that is for a person is words and no button', async () => {
  const { user } = await drawn();
  bench.gateway.answers['POST /v3/diagnose'] = { ...BROKEN, fix: { kind: 'command', label: 'Set the key', command: 'opta account rotate cloud' } };
  await user.click(screen.getByRole('button', { name: /Diagnose/ }));
  await bench.pass();
  expect(screen.getByText('opta account rotate cloud')).toBeTruthy();
  expect(screen.queryByRole('button', { name: /Set the key/ })).toBeNull();
});

test('a gateway that does not answer is said with the command that goes on', async () => {
  const { user } = await drawn();
  bench.gateway.isUp = false;
  await user.click(screen.getByRole('button', { name: /Diagnose/ }));
  await bench.pass(20_000);
  expect(bench.page.state.problem).toContain('opta doctor --fix');
  expect(bench.page.state.isDiagnosing).toBe(false);
});

test('a refused fix is shown, and can be tried again', async () => {
  const { user } = await drawn();
  bench.gateway.answers['POST /v3/diagnose'] = BROKEN;
  bench.gateway.answers['POST /v3/diagnose/fix'] = {};
  bench.gateway.refusals['POST /v3/diagnose/fix'] = [503, 'unavailable', 'tools did not start again.'];
  await user.click(screen.getByRole('button', { name: /Diagnose/ }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: /Restart tools/ }));
  await bench.pass();
  expect(bench.page.state.problem).toBe('tools did not start again.');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: /Restart tools/ }).disabled).toBe(false);
});

test('a failed turn can be asked again with a smaller context, and says what follows', async () => {
  const { user, sid } = await drawn(START, FAILED);
  bench.gateway.answers[`POST /v3/sessions/${sid}/replay`] = { session: { ...bench.gateway.sessions[0], id: 'other1' }, turnId: 't2', state: 'done', cause: 'context', text: 'The cause was the context.' };
  await user.click(screen.getByRole('button', { name: /Replay smaller/ }));
  await bench.pass();
  expect(bench.gateway.posted(/replay$/)).toEqual([{ turnId: 't1' }]);
  expect(screen.getByText('The cause was the context. (s-other1)')).toBeTruthy();
});

test('the evidence is saved under the name of its session', async () => {
  const { user, sid } = await drawn();
  await user.click(screen.getByRole('button', { name: /Save evidence/ }));
  await bench.pass();
  expect(bench.saved).toEqual([`opta-evidence-${sid}.zip`]);
});

test.each([
  ['set_key', 'Set the key', () => bench.page.state.route.settings === 'accounts'],
  ['choose_model', 'Choose another model', () => bench.page.state.openPill === 'model'],
] as const)('the button of %s opens where a person makes the fix, and sends nothing', async (kind, label, isOpen) => {
  const { user } = await drawn();
  bench.gateway.answers['POST /v3/diagnose'] = { ...BROKEN, fix: { kind, target: 'cloud', label, command: 'opta models use' } };
  await user.click(screen.getByRole('button', { name: /Diagnose/ }));
  await bench.pass();
  expect(isOpen()).toBe(false);
  await user.click(screen.getByRole('button', { name: label }));
  await bench.pass();
  expect([isOpen(), bench.gateway.posted(/fix$/)]).toEqual([true, []]);
});

test('other runs are paused, and the post-mortem is written, each with a diagnosis', async () => {
  const { user, sid } = await drawn();
  bench.gateway.answers['POST /v3/diagnose'] = { ...BROKEN, contained: ['a1', 'b2'] };
  await user.click(screen.getByRole('button', { name: /Pause other runs/ }));
  await bench.pass();
  expect(screen.getByText('2 turns of other sessions are paused')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: /Write post-mortem/ }));
  await bench.pass();
  expect(bench.gateway.posted(/diagnose$/)).toMatchObject([{ session: sid, contain: true }, { session: sid, note: true }]);
});

test('the divergence step leads to its mark in the timeline', async () => {
  const { user, sid } = await drawn();
  bench.gateway.answers['POST /v3/diagnose'] = { ...BROKEN, evidence: { ...BROKEN.evidence, session: sid, marks: [{ seq: 7, ts: '', kind: 'model', text: 'a -> b' }] } };
  await user.click(screen.getByRole('button', { name: /Diagnose/ }));
  await bench.pass();
  expect(screen.getByRole('link', { name: 'Show event 7' }).getAttribute('href')).toBe(bench.page.address({ view: 'session', sid, seq: 7 }));
});
