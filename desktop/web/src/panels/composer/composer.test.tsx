// @vitest-environment jsdom

import { fireEvent, screen, within } from '@testing-library/react';
import { expect, test } from 'vitest';
import { perform } from '../../actions/action';
import { openSession } from '../../actions/sessions';
import { pick, testBench } from '../../testing/page';
import { Composer } from './composer';

const bench = testBench();
const box = () => screen.getByRole<HTMLTextAreaElement>('textbox', { name: 'Message' });
const button = (name: string | RegExp) => screen.getByRole<HTMLButtonElement>('button', { name });
const START = { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' };
const STEP = { event: 'step.start', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 };
const sent = () => bench.gateway.posted(/turns$/);

async function drawn(fields: object = {}, ...events: Record<string, unknown>[]) {
  const { id } = bench.gateway.addSession(fields);
  const user = bench.draw(<Composer />);
  await bench.start();
  for (const event of events) bench.gateway.append(id, event);
  await bench.pass();
  return { id, user };
}

test('each session has a draft of its own', async () => {
  bench.gateway.addSession();
  const { user } = await drawn();
  await user.type(box(), 'for the second');
  bench.page.open('sid1');
  await bench.pass();
  expect(box().value).toBe('');
  bench.page.open('sid2');
  await bench.pass();
  expect(box().value).toBe('for the second');
});

test('who left a session while writing goes on writing where they were, and nobody else is moved', async () => {
  bench.gateway.addSession();
  const { user } = await drawn();
  await user.type(box(), 'one three');
  box().setSelectionRange(4, 4);
  await user.type(box(), 'two ', { initialSelectionStart: 4, initialSelectionEnd: 4 });
  box().blur();
  await perform(bench.page, openSession, 'sid1');
  await bench.pass();
  expect(bench.focused).toEqual([]);
  await perform(bench.page, openSession, 'sid2');
  await bench.pass();
  expect([box().value, box().selectionStart, bench.focused]).toEqual(['one two three', 8, ['composer']]);
});

test('the message is sent with its button, which a blank message does not enable', async () => {
  const { user } = await drawn();
  expect(button(/Send/).disabled).toBe(true);
  await user.type(box(), 'hello');
  await user.click(button(/Send/));
  await bench.pass();
  expect(sent()).toEqual([{ text: 'hello' }]);
  expect(box().value).toBe('');
});

test('while a turn runs it can be stopped, and the next message is queued or said to the turn', async () => {
  const { id, user } = await drawn();
  expect(screen.queryByRole('button', { name: /Stop/ })).toBeNull();
  for (const event of [START, STEP]) bench.gateway.append(id, event);
  await bench.pass();
  await user.type(box(), 'only in src');
  expect(button(/Queue/).disabled).toBe(false);
  await user.click(button(/Steer/));
  await bench.pass();
  expect(bench.gateway.posted(/steer$/)).toEqual([{ text: 'only in src' }]);
  await user.click(button(/Stop/));
  await bench.pass();
  expect(bench.gateway.posted(/stop$/)).toHaveLength(1);
});

test('Enter sends only when a person has chosen so, which the browser keeps', async () => {
  const { user } = await drawn();
  await user.type(box(), 'one{Enter}two');
  expect([box().value, sent()]).toEqual(['one\ntwo', []]);
  await user.click(button('How the message is sent'));
  await user.click(await screen.findByRole('menuitemradio', { name: /^Enter; Shift/ }));
  expect(bench.stored.choices).toEqual({ sends: 'enter' });
  await user.type(box(), '{Shift>}{Enter}{/Shift}three{Enter}');
  await bench.pass();
  expect(sent()).toEqual([{ text: 'one\ntwo\nthree' }]);
});

test('a key that an input method reads sends nothing and completes nothing', async () => {
  const { user } = await drawn();
  bench.page.set({ choices: { sends: 'enter' } });
  await user.type(box(), '/new');
  await bench.pass();
  expect(screen.getAllByRole('option').length).toBeGreaterThan(0);
  for (const press of [{ key: 'Enter', isComposing: true }, { key: 'Enter', keyCode: 229 }, { key: 'Process', keyCode: 229 }]) fireEvent.keyDown(box(), press);
  await bench.pass();
  expect([box().value, sent(), bench.gateway.posted(/sessions$/)]).toEqual(['/new', [], []]);
});

const OFFLINE_MS = 60_000;

test('without the daemon the message is kept, and what is missing is said', async () => {
  const { user } = await drawn();
  await user.type(box(), 'hello');
  bench.gateway.stop();
  await bench.pass(OFFLINE_MS);
  const send = button(/Send/);
  expect([box().value, send.disabled]).toEqual(['hello', true]);
  expect(document.getElementById(send.getAttribute('aria-describedby') ?? '')?.textContent).toContain('Not connected to the daemon.');
  bench.gateway.isUp = true;
  await bench.pass(OFFLINE_MS);
  expect([button(/Send/).disabled, screen.queryByText(/Not connected/)]).toEqual([false, null]);
});

test('an arrow key in an empty message brings the prompts of this session back, the newest first', async () => {
  const done = { event: 'turn.done', tokens: 1, elapsed: 1, tokensPerSec: 1, tools: 0, steps: 1, finish: 'stop' };
  const turn = (turn: string, text: string) => [{ ...START, turn, text }, { ...done, turn }];
  const { user } = await drawn({}, ...turn('t1', 'first'), ...turn('t2', 'second'), ...turn('t3', 'second'));
  const after = async (keys: string) => {
    await user.type(box(), keys);
    return box().value;
  };
  expect(await after('{ArrowUp}')).toBe('second');
  expect(await after('{ArrowUp}')).toBe('first');
  expect(await after('{ArrowUp}')).toBe('first');
  expect(await after('{ArrowDown}')).toBe('second');
  expect(await after('{ArrowDown}')).toBe('');
  expect(await after('mine{ArrowUp}')).toBe('mine');
});

test('what the next message runs with is that of the session, until it is changed', async () => {
  const { user } = await drawn({ mode: 'do', level: 'L3' });
  expect(button('Mode: Do')).toBeTruthy();
  expect(button('Permission level: L3 · Auto')).toBeTruthy();
  expect(screen.getByRole('combobox', { name: 'Model: LMX · probe' })).toBeTruthy();
  await pick(user, 'Mode', /^Chat/);
  expect(button('Mode: Chat, for the next message only')).toBeTruthy();
  // A changed mode brings its own level.
  expect(button('Permission level: L1 · Ask')).toBeTruthy();
  await user.click(button(/^Mode:/));
  await user.click(await screen.findByRole('menuitem', { name: 'Back to what the session has' }));
  expect(button('Mode: Do')).toBeTruthy();
});

test('each level says what it allows, and the risky one that it is', async () => {
  const { user } = await drawn();
  await user.click(button(/^Permission level:/));
  const named = (await screen.findAllByRole('menuitemradio')).map((item) => item.textContent);
  expect(named.slice(0, 3).map((text) => text?.split(' ')[0])).toEqual(['✓L1', 'L2', 'L3']);
  expect(named[2]).toContain('Risky: writes files and runs commands');
});

test('a session that asks nothing says so, whatever its level is', async () => {
  const { user } = await drawn({ mode: 'do', level: 'L1', policy: 'unrestricted' });
  await user.click(button('Permission level: Asks nothing'));
  expect(await screen.findByText(/Only what is always forbidden stays forbidden/)).toBeTruthy();
});

test('a choice can hold for the session or, for a model, for everything new', async () => {
  const { id, user } = await drawn({ mode: 'do', level: 'L2' });
  const patched = () => bench.gateway.requests.filter(({ method }) => method === 'PATCH').map(({ path, body }) => [path, body]);
  await user.click(button(/^Permission level:/));
  await user.click(await screen.findByRole('menuitemradio', { name: 'This session' }));
  await user.click(screen.getByRole('menuitemradio', { name: /^L3/ }));
  await bench.pass();
  expect([patched(), bench.page.state.overrides]).toEqual([[[`/v3/sessions/${id}`, { level: 'L3' }]], {}]);
  await user.click(screen.getByRole('combobox', { name: /^Model:/ }));
  await user.click(await screen.findByRole('radio', { name: 'Default' }));
  await user.click(screen.getByRole('option', { name: /^qwen/ }));
  await bench.pass();
  expect(bench.gateway.requests.filter(({ method }) => method === 'PUT').map(({ path, body }) => [path, body])).toEqual([['/v3/models/default', { model: 'lmx/qwen' }]]);
});

test('a model that the daemon does not list is shown as one that cannot be used', async () => {
  const { id } = await drawn({ model: '' });
  bench.gateway.append(id, { event: 'session.updated', changes: { model: 'lmx/gone' } });
  await bench.pass();
  expect(screen.getByRole('combobox', { name: 'Model: lmx/gone, cannot be used' }).title).toContain('no model lmx/gone');
});

test('many models are searched, by provider, and a provider that does not answer says why', async () => {
  bench.gateway.models = [...bench.gateway.models, ...[...Array(12).keys()].map((at) => ({ id: `cloud/big-${at}`, provider: 'cloud', name: `big-${at}`, healthy: false, contextLimit: 200_000 }))];
  bench.gateway.answers['GET /v3/providers'] = { providers: [{ name: 'cloud', type: 'openai', baseUrl: '', state: 'standby', healthy: false, reason: 'It has no key.' }] };
  const { user } = await drawn();
  await user.click(screen.getByRole('combobox', { name: /^Model:/ }));
  await bench.pass();
  expect(screen.getByText('cloud · not answering: It has no key.')).toBeTruthy();
  expect(screen.getByRole('option', { name: /^big-11/ }).textContent).toBe('big-11200k tokens of context');
  await user.type(screen.getByRole('combobox', { name: 'Search models' }), 'big-1');
  expect(screen.getAllByRole('option').map((option) => option.textContent)).toEqual(['big-1', 'big-10', 'big-11'].map((name) => `${name}200k tokens of context`));
});

test('each model says what it can and how it is in memory, and a load is followed', async () => {
  const lmx = { provider: 'lmx', healthy: true };
  bench.gateway.models = [
    { ...lmx, id: 'lmx/qwen', name: 'qwen', default: true, contextLimit: 32_768, tools: true, vision: true },
    { ...lmx, id: 'lmx/big', name: 'big', state: 'on disk', thinking: true },
  ];
  bench.gateway.answers['GET /v3/providers'] = { providers: [{ name: 'lmx', type: 'lmx', baseUrl: '', state: 'active', healthy: true, latencyMs: 4 }] };
  const loading = { id: 'big', state: 'loading', load_done: 3e9, load_total: 4e9, loading_s: 12 };
  bench.gateway.answers['GET /v3/lmx/models'] = { models: [{ id: 'qwen', state: 'loaded', memory: 3e9, speed: { requests: 4, tokens_per_s: 31.2 } }, loading] };
  const { user } = await drawn();
  await user.click(screen.getByRole('combobox', { name: /^Model:/ }));
  await bench.pass();
  expect(screen.getByRole('group', { name: 'LMX ● answers in 4.0 ms' })).toBeTruthy();
  expect(screen.getByRole('option', { name: /^qwen/ }).textContent).toContain('33k tokens of context · uses tools · sees pictures · loaded, 3.0 GB · 31 tok/s');
  expect(screen.getByRole<HTMLProgressElement>('progressbar', { name: 'Loading big' }).value).toBe(3e9);
  expect(screen.getByText(/loading: 75% of its weights are in memory/)).toBeTruthy();
  bench.gateway.answers['GET /v3/lmx/models'] = { models: [{ id: 'big', state: 'on disk', needed: 4e9 }] };
  await bench.pass(1_500);
  expect(screen.getByRole('option', { name: /^big/ }).textContent).toContain('on the disk: loading it takes 4.0 GB of memory');
});

test('how far the choice of a model reaches is said with what it would change, and begins with this turn each time', async () => {
  const { id, user } = await drawn({ model: 'lmx/qwen' });
  const open = () => user.click(screen.getByRole('combobox', { name: /^Model:/ }));
  await open();
  expect(screen.getByText('The next message alone runs with it. Nothing is stored.')).toBeTruthy();
  await user.click(screen.getByRole('radio', { name: 'This session' }));
  expect(screen.getByText(/Later messages of this session run with it/)).toBeTruthy();
  await user.click(screen.getByRole('radio', { name: 'Default' }));
  expect(screen.getByText(/in place of lmx\/probe: default-model in config.toml/)).toBeTruthy();
  await user.keyboard('{Escape}');
  await open();
  expect(screen.getByRole<HTMLInputElement>('radio', { name: 'This turn' }).checked).toBe(true);
  await user.click(screen.getByRole('radio', { name: 'This session' }));
  await user.click(screen.getByRole('option', { name: /^probe/ }));
  await bench.pass();
  expect(bench.gateway.requests.filter(({ method }) => method === 'PATCH').map(({ path, body }) => [path, body])).toEqual([[`/v3/sessions/${id}`, { model: 'lmx/probe' }]]);
});

test('words that wait for a model are listed in the composer in its order, and can be changed and removed', async () => {
  const queued = [
    { ...START, turn: 't2', text: 'the next thing' },
    { event: 'turn.queued', turn: 't2', position: 1 },
  ];
  const { id, user } = await drawn({}, START, STEP, { event: 'turn.steer', turn: 't1', steerId: 'a', text: 'quickly' }, ...queued);
  const waiting = within(screen.getByRole('list', { name: 'Waiting' }));
  expect(waiting.getAllByRole('listitem').map((item) => item.title)).toEqual(['The next model call reads this', 'Waits for the turn before']);
  await user.click(waiting.getByRole('button', { name: 'Edit “quickly”' }));
  await user.clear(waiting.getByRole('textbox'));
  expect(waiting.getByRole<HTMLButtonElement>('button', { name: 'Save' }).disabled).toBe(true);
  await user.type(box(), 'not to be sent');
  await user.type(waiting.getByRole('textbox'), 'slowly{Control>}{Enter}{/Control}');
  await bench.pass();
  expect([bench.focused, sent()]).toEqual([['composer'], []]);
  await user.click(waiting.getByRole('button', { name: 'Remove “the next thing”' }));
  await bench.pass();
  const asked = bench.gateway.requests.filter(({ method }) => method !== 'GET').map(({ method, path, body }) => [method, path, body]);
  expect(asked).toEqual([
    ['PATCH', `/v3/sessions/${id}/steer/a`, { text: 'slowly' }],
    ['POST', `/v3/sessions/${id}/stop`, { turnId: 't2' }],
  ]);
});
