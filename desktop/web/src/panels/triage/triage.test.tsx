// @vitest-environment jsdom

import { screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { showTriage } from '../../actions/triage';
import type { Diagnosis } from '../../protocol';
import { serviceRow, testBench } from '../../testing/page';
import { TriageLine } from './triage_line';
import { TriageSheet } from './triage_sheet';

const bench = testBench();
const STEPS: Diagnosis['steps'] = (['route', 'heartbeat', 'divergence', 'probe', 'domain'] as const).map((name, at) => ({ number: at + 1, name, ok: name !== 'domain', text: `about ${name}` }));
const RESTART = { kind: 'restart_service' as const, target: 'tools', label: 'Restart tools', command: 'opta daemon restart tools', automatic: true };
const FIRST = { cause: 'service_suspended', severity: 'fault' as const, domain: 'tool' as const, reason: 'The tool worker is suspended.', fix: RESTART, hop: 'tools' };
const BROKEN: Diagnosis = { at: '2026-01-01T10:20:30.000000Z', healthy: false, steps: STEPS, evidence: { hops: [], route: { model: 'lmx/probe' } }, domain: 'tool', severity: 'fault', reason: 'The tool worker is suspended.', fix: RESTART, elapsedMs: 2010, findings: [FIRST, { ...FIRST, hop: 'agent', fix: { ...RESTART, target: 'agent', label: 'Restart agent' } }] };
const WELL: Diagnosis = { ...BROKEN, healthy: true, reason: '', domain: null, severity: null, fix: null };
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' };
const FAILED = { event: 'turn.error', turn: 't1', code: 'context_overflow', message: 'too long', domain: 'inference' };
const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
const verdict = () => within(screen.getByRole('region', { name: 'What is wrong' }));

async function drawn(...events: object[]) {
  const session = bench.gateway.addSession();
  const user = bench.draw(
    <>
      <TriageLine />
      <TriageSheet />
    </>,
  );
  await bench.start();
  for (const event of events) bench.gateway.append(session.id, event as Record<string, unknown>);
  await bench.pass();
  return { user, sid: session.id };
}

async function diagnosed(diagnosis: Diagnosis, ...events: object[]) {
  const found = await drawn(...events);
  bench.gateway.answers['POST /v3/diagnose'] = diagnosis;
  await found.user.click(button('Diagnose'));
  await bench.pass();
  return found;
}

test('the domain and its fix come first, then the five steps in order; after the fix everything is looked at again', async () => {
  const { user, sid } = await diagnosed(BROKEN);
  const regions = within(screen.getByRole('dialog', { name: 'Triage' })).getAllByRole('region').map((each) => each.getAttribute('aria-label'));
  expect(regions).toEqual(['What is wrong', 'The five steps', 'Runbook']);
  expect(verdict().getByRole('status').textContent).toBe('✕ Tools fails nowThe tool worker is suspended.');
  const steps = within(screen.getByRole('region', { name: 'The five steps' })).getAllByRole('listitem').filter((item) => item.querySelector('p')?.textContent?.match(/^. \d /));
  expect(steps.map((item) => item.querySelector('p')?.textContent)).toEqual(['✓ 1 Route ok: about route', '✓ 2 Heartbeat ok: about heartbeat', '✓ 3 Divergence ok: about divergence', '✓ 4 Probe turn ok: about probe', '✕ 5 Failure domain look here: about domain']);
  // What went well shows its evidence when it is asked for.
  expect(steps.map((item) => item.querySelector('details')?.open)).toEqual([false, undefined, undefined, undefined, true]);
  const [asked] = bench.gateway.posted(/diagnose$/);
  expect(asked).toMatchObject({ session: sid, client: { stream: 'connected', lastSeq: 1 } });
  bench.gateway.answers['POST /v3/diagnose/fix'] = { done: 'tools was restarted (pid 7).' };
  bench.gateway.answers['POST /v3/diagnose'] = WELL;
  await user.click(button('Restart tools'));
  await bench.pass();
  expect(bench.gateway.posted(/fix$/)).toEqual([{ kind: 'restart_service', target: 'tools', session: sid }]);
  expect(verdict().getByRole('status').textContent).toBe('● Nothing is broken');
  expect(screen.queryByRole('button', { name: 'Restart tools' })).toBeNull();
});

test('the sheet has an address, and the telemetry keeps one line that opens it', async () => {
  const { user, sid } = await diagnosed(WELL);
  expect(bench.page.state.route).toEqual({ view: 'session', sid, sheet: 'triage' });
  await user.click(button('Close'));
  expect(bench.page.state.route).toEqual({ view: 'session', sid });
  await user.click(within(screen.getByRole('region', { name: 'Diagnosis' })).getByRole('button', { name: /Nothing is broken/ }));
  expect(bench.went.at(-1)).toEqual({ view: 'session', sid, sheet: 'triage' });
  await bench.act(() => bench.page.show({ view: 'session', sid }));
  expect(screen.queryByRole('dialog')).toBeNull();
});

test('an address with the sheet opens it before the daemon is reached, and without asking anything', async () => {
  bench.gateway.addSession();
  bench.draw(<TriageSheet />);
  await bench.start('#/?sheet=triage');
  expect(screen.getByText(/a small probe turn to lmx\/probe/)).toBeTruthy();
  expect([bench.page.state.route, bench.gateway.posted(/diagnose/)]).toEqual([{ view: 'session', sid: 'sid1', sheet: 'triage' }, []]);
});

test('a risk is no health: it is named with its fix, and what came back is said to be back', async () => {
  const { user } = await diagnosed({ ...BROKEN, healthy: true, severity: 'degraded', reason: 'Commands have no sandbox.' });
  expect(verdict().getByRole('status').textContent).toBe('◆ Tools works, at a riskCommands have no sandbox.');
  expect(screen.getByRole('region', { name: 'Diagnosis' }).textContent).toContain('◆ Works, at a risk');
  bench.gateway.answers['POST /v3/diagnose'] = { ...BROKEN, healthy: true, severity: 'recovered', reason: 'The worker was started again.', fix: { kind: 'resume_turn', target: 't1', label: 'Resume the turn', command: 'opta sessions resume ID' } };
  await user.click(button('Diagnose again'));
  await bench.pass();
  expect(verdict().getByRole('status').textContent).toBe('● Nothing is broken now⟳ Tools failed, and is backThe worker was started again.');
  expect(button('Resume the turn')).toBeTruthy();
});

test('a fix that is for a person is words, and a button that looks again', async () => {
  const { user } = await diagnosed({ ...BROKEN, fix: { kind: 'command', label: 'Free some space', command: 'free disk space' } });
  expect(verdict().getByText('free disk space')).toBeTruthy();
  bench.gateway.answers['POST /v3/diagnose'] = WELL;
  await user.click(button('That is done: look again'));
  await bench.pass();
  expect(verdict().getByRole('status').textContent).toBe('● Nothing is broken');
});

test('a refused key is asked for where it is named, stored, and looked at again', async () => {
  const { user } = await diagnosed({ ...BROKEN, domain: 'inference', fix: { kind: 'set_key', target: 'cloud', label: 'Set the key', command: 'opta account rotate cloud' } });
  const store = button('Store the key, and look again');
  expect(store.disabled).toBe(true);
  bench.gateway.answers['PUT /v3/accounts/cloud'] = { ok: true };
  await user.type(screen.getByLabelText('Key of cloud'), ' sk-right ');
  await user.click(store);
  await bench.pass();
  expect(bench.gateway.requests.filter(({ method }) => method === 'PUT').map(({ path, body }) => [path, body])).toEqual([['/v3/accounts/cloud', { key: 'sk-right' }]]);
  // The key is still wrong: the domain stays.
  expect(bench.gateway.posted(/diagnose$/)).toHaveLength(2);
  expect(screen.getByLabelText<HTMLInputElement>('Key of cloud').value).toBe('');
});

test('another model is chosen where the missing one is named, for the session or for everything', async () => {
  const { user, sid } = await diagnosed({ ...BROKEN, domain: 'inference', fix: { kind: 'choose_model', label: 'Choose another model', command: 'opta models use PROVIDER/MODEL' } });
  await user.click(button('Use lmx/probe, and look again'));
  await bench.pass();
  await user.click(screen.getByRole('radio', { name: 'For everything new' }));
  await user.click(button('Use lmx/probe, and look again'));
  await bench.pass();
  expect(bench.gateway.requests.filter(({ method }) => method === 'PATCH' || method === 'PUT').map(({ path, body }) => [path, body])).toEqual([
    [`/v3/sessions/${sid}`, { model: 'lmx/probe' }],
    ['/v3/models/default', { model: 'lmx/probe' }],
  ]);
});

test('the model of the next message is what is diagnosed', async () => {
  const { user } = await drawn();
  await bench.act(() => bench.page.set({ overrides: { model: 'lmx/qwen' } }));
  bench.gateway.answers['POST /v3/diagnose'] = WELL;
  await user.click(button('Diagnose'));
  await bench.pass();
  expect(bench.gateway.posted(/diagnose$/)).toMatchObject([{ model: 'lmx/qwen' }]);
});

test('a gateway that is stopped is named by the page itself, and started by its button', async () => {
  const { user } = await drawn();
  bench.gateway.isUp = false;
  bench.services = [serviceRow('gateway', 'stopped', 0), serviceRow('tools', 'running', 7)];
  await user.click(button('Diagnose'));
  await bench.pass(20_000);
  expect(verdict().getByRole('status').textContent).toContain('✕ Transport fails nowThe gateway, which clients talk to, does not run');
  bench.gateway.isUp = true;
  bench.gateway.answers['POST /v3/diagnose'] = WELL;
  await user.click(button('Start gateway'));
  await bench.pass();
  expect([bench.controlled, verdict().getByRole('status').textContent]).toEqual([[['gateway', 'start']], '● Nothing is broken']);
});

test('without the process that serves the page, the command that goes on is said', async () => {
  const { user } = await drawn();
  bench.gateway.isUp = bench.hasServer = false;
  await user.click(button('Diagnose'));
  await bench.pass(20_000);
  expect(verdict().getByText('opta doctor --fix')).toBeTruthy();
  expect(bench.page.state.isDiagnosing).toBe(false);
});

test('a refused fix is shown, and can be tried again', async () => {
  const { user } = await diagnosed(BROKEN);
  bench.gateway.answers['POST /v3/diagnose/fix'] = {};
  bench.gateway.refusals['POST /v3/diagnose/fix'] = [503, 'unavailable', 'tools did not start again.'];
  await user.click(button('Restart tools'));
  await bench.pass();
  expect(screen.getByRole('alert').textContent).toContain('tools did not start again.');
  expect(button('Restart tools').disabled).toBe(false);
});

test('a failed turn can be asked again with a smaller context, and says what follows', async () => {
  const { user, sid } = await drawn(START, FAILED);
  await bench.act(() => void perform(bench.page, showTriage, undefined));
  bench.gateway.answers[`POST /v3/sessions/${sid}/replay`] = { session: { ...bench.gateway.sessions[0], id: 'other1' }, turnId: 't2', state: 'done', cause: 'context', text: 'The cause was the context.' };
  await user.click(button('Replay smaller'));
  await bench.pass();
  expect(bench.gateway.posted(/replay$/)).toEqual([{ turnId: 't1' }]);
  expect(screen.getByText(/The cause was the context\./)).toBeTruthy();
  expect(button('Open s-other1')).toBeTruthy();
});

test('the evidence is saved under the name of its session', async () => {
  const { user, sid } = await drawn();
  await bench.act(() => void perform(bench.page, showTriage, undefined));
  await user.click(button('Save evidence'));
  await bench.pass();
  expect(bench.saved).toEqual([`opta-evidence-${sid}.zip`]);
});

test('other runs are paused and let go on, and the post-mortem is written, each with a diagnosis', async () => {
  const { user, sid } = await drawn();
  await bench.act(() => void perform(bench.page, showTriage, undefined));
  bench.gateway.answers['POST /v3/diagnose'] = { ...BROKEN, contained: ['a1', 'b2'] };
  bench.gateway.answers['POST /v3/sessions/a1/resume'] = bench.gateway.answers['POST /v3/sessions/b2/resume'] = {};
  await user.click(button('Pause other runs'));
  await bench.pass();
  expect(screen.getByText('2 turns of other sessions are paused:')).toBeTruthy();
  bench.gateway.answers['POST /v3/diagnose'] = BROKEN;
  await user.click(button('Write post-mortem'));
  await bench.pass();
  expect(bench.gateway.posted(/diagnose$/)).toMatchObject([{ session: sid, contain: true }, { session: sid, note: true }]);
  await user.click(button('Let them go on'));
  await bench.pass();
  expect(bench.gateway.posted(/resume$/)).toHaveLength(2);
  expect(screen.queryByText('2 turns of other sessions are paused:')).toBeNull();
});

test('the divergence step leads to its marks in the timeline', async () => {
  const { sid } = await diagnosed({ ...BROKEN, evidence: { ...BROKEN.evidence, session: 'sid1', marks: [{ seq: 7, ts: '', kind: 'model', text: 'a -> b' }] } });
  expect(screen.getByRole('link', { name: 'Show event 7' }).getAttribute('href')).toBe(bench.page.address({ view: 'session', sid, seq: 7 }));
});
