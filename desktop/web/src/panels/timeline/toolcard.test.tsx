// @vitest-environment jsdom
// The card of a call in every state, and of every tool: what its row says, and that all of its arguments are inside.

import { screen, within } from '@testing-library/react';
import { afterEach, expect, test, vi } from 'vitest';
import { testBench } from '../../testing/page';
import { serverLabel, TOOL_NAMES } from '../../tools';
import type { Call } from '../../transcript';
import { applyToCall, newCall, stopCalls } from '../../transcript_calls';
import type { AnyEvent } from '../../protocol';
import { ToolCard } from './toolcard';

const bench = testBench();
const NOW = Date.parse('2026-01-02T03:04:05Z');
const HERE = { sid: 'abcdef', turn: 't1', callId: 'c1' };
const ASK = { ...HERE, event: 'permission.request', requestId: 'r1', reason: 'run_command = ask', expiresAt: '2099-01-01T00:00:00Z', execution: { folder: '/work', timeoutS: 120, sandbox: 'full' } };
const BEGIN = { ...HERE, event: 'tool.start', ts: '2026-01-02T03:03:58Z', worker: 'w', sandbox: 'full' };
const FAILED = { ...HERE, event: 'tool.result', ok: false, durationMs: 1234 };

afterEach(() => vi.setSystemTime(NOW));

function call(name: string, args: Record<string, unknown>, ...events: object[]): Call {
  const made = newCall('c1', name, args, 'execute', '');
  for (const event of events) {
    if ('stop' in event) stopCalls({ steps: [{ calls: [made] }] } as never);
    else applyToCall(made, event as AnyEvent);
  }
  return made;
}

function card(of: Call): HTMLElement {
  vi.setSystemTime(NOW);
  bench.draw(<ToolCard call={of} />);
  return screen.getByRole('region');
}

// Blanks as one.
function row(of: HTMLElement): string {
  return within(of).getAllByRole('button')[0]?.textContent?.replace(/\s+/g, ' ') ?? '';
}

const RUN = { command: 'npm test' };
const STATES: [state: string, events: object[], row: string, below: string][] = [
  ['queued', [], '○Runnpm testqueued', ''],
  ['waiting for you', [ASK], '◆Runnpm testwaiting for you', ''],
  ['allowed', [ASK, { ...HERE, event: 'permission.decision', decision: 'allow', by: 'client', client: 'the page' }], '○Runnpm testallowed', ''],
  ['running', [BEGIN], '●Runnpm testrunning · 7 s', ''],
  ['running', [BEGIN, { ...HERE, event: 'tool.output', delta: '1\n2\n3\n4\u001b[32m!\u001b[0m\n' }], '●Runnpm testrunning · 7 s', '2\n3\n4!'],
  ['done', [BEGIN, { ...HERE, event: 'tool.result', ok: true, content: 'fine', lines: 1, durationMs: 61_000 }], '✓Runnpm test1 line · 1 min 1 s', ''],
  ['failed', [BEGIN, { ...FAILED, code: 'exit_3', content: 'Error: exit code 3\ncollecting\nFAILED a.py' }], '✕Runnpm testexit 3 · 1.2 s', 'exit code 3: FAILED a.py'],
  ['failed', [BEGIN, { ...FAILED, code: 'exit_3', content: 'Error: exit code 3\na\nb\nc\nd' }], '✕Runnpm testexit 3 · 1.2 s', 'exit code 3bcd'],
  ['failed', [BEGIN, { ...FAILED, code: 'timeout', content: 'Error: timed out after 5 s' }], '✕Runnpm testfailed · 1.2 s', 'timed out after 5 s'],
  ['denied', [ASK, { ...HERE, event: 'permission.decision', decision: 'deny', by: 'client' }, { ...FAILED, code: 'denied', content: 'Error: not allowed' }], '✕Runnpm testdenied', 'Error: not allowed'],
  ['denied', [{ ...FAILED, code: 'hook_refused', content: 'Error: not run: no tests today' }], '✕Runnpm testdenied', 'Error: not run: no tests today'],
  ['not run', [{ ...FAILED, code: 'not_run', content: 'Error: not run: an earlier change failed' }], '‖Runnpm testnot run', 'Error: not run: an earlier change failed'],
  ['stopped', [BEGIN, { ...FAILED, code: 'cancelled', content: 'Error: stopped' }], '‖Runnpm teststopped · 1.2 s', ''],
  ['stopped', [BEGIN, { stop: true }], '‖Runnpm teststopped', ''],
  ['stopped', [ASK, { stop: true }], '‖Runnpm teststopped', ''],
  ['interrupted', [BEGIN, { ...FAILED, code: 'worker_lost', content: 'Error: the tool worker is gone' }], '✕Runnpm testinterrupted · 1.2 s', 'Error: the tool worker is gone'],
  ['interrupted', [BEGIN, { ...FAILED, durationMs: 0, code: 'outcome_unknown', content: 'Error: outcome unknown' }], '✕Runnpm testinterrupted', 'Error: outcome unknown'],
];

test.each(STATES)('a call that is %s', async (state, events, said, below) => {
  const drawn = card(call('run_command', RUN, ...events));
  expect(drawn.getAttribute('aria-label')).toBe(`Run npm test, ${state}`);
  expect(row(drawn)).toBe(said);
  expect(drawn.querySelector('pre, p')?.textContent ?? '').toBe(below);
  // Nothing pulses that does not run.
  expect(drawn.querySelectorAll('.pulse')).toHaveLength(state === 'running' ? 1 : 0);
});

test('the time of a call that runs goes on', async () => {
  const drawn = card(call('run_command', RUN, BEGIN));
  await bench.pass(3_000);
  expect(row(drawn)).toBe('●Runnpm testrunning · 10 s');
});

test.each([
  [[ASK], 'in /work · network: no · sandbox: full · asks because of run_command = ask'],
  [[ASK, { ...HERE, event: 'permission.decision', decision: 'allow', by: 'client', client: 'the page', note: 'go on' }, BEGIN, { ...HERE, event: 'tool.result', ok: true, content: '', durationMs: 5 }], 'exit code 0 · 5 ms · in /work · network: no · sandbox: full · allowed in the page · with the note: go on'],
  [[{ ...HERE, event: 'permission.decision', decision: 'deny', by: 'timeout' }], 'nobody answered in time'],
  [[{ ...HERE, event: 'permission.decision', decision: 'deny', by: 'rule', rule: 'run_command rm * = deny' }], 'denied by run_command rm * = deny'],
])('inside it says how it ended, where it ran and who allowed it', async (events, said) => {
  vi.setSystemTime(NOW);
  const user = bench.draw(<ToolCard call={call('run_command', RUN, ...events)} />);
  await user.click(screen.getByRole('button', { expanded: false }));
  expect([...screen.getByRole('region').querySelectorAll('p')].at(-1)?.textContent).toBe(said);
});

test.each([
  ['todo', { items: [{ text: 'One', state: 'done' }, { text: 'Two', state: 'doing' }] }, 'Plan1 of 2 done'],
  ['read_file', { path: 'src/a.ts', start_line: 3 }, 'Readsrc/a.ts'],
  ['web_fetch', { url: 'https://example.test/a' }, 'Fetchhttps://example.test/a'],
  ['agent', { title: 'api', task: 'Look at the api' }, 'Sub-agentapi'],
  ['ask_user', { question: 'Which?', options: ['a', 'b'] }, 'QuestionWhich?'],
  ['browser_click', { selector: '#buy', ref: '' }, 'Clickselector #buyqueued'],
  ['mcp__db__query', { sql: 'select 1', limit: 3 }, 'db: querysql select 1, limit 3'],
  ['run_command', { command: 'a\nb\u202ec' }, 'Runa↵b\\u202ec'],
])('the row of %s says what it is about', (name, args, said) => {
  expect(row(card(call(name, args)))).toContain(said);
});

const CHANGE = { path: 'a.txt', before: 'x', after: 'y', diff: '--- a/a.txt\n+++ b/a.txt\n@@ -1,2 +1,2 @@\n same\n-old\n+new' };
test.each([
  ['edit_file', [CHANGE], 'Edita.txt+1 −1 · 3 ms', ['same', 'old', 'new'], ''],
  ['write_file', [{ ...CHANGE, before: '', beforeMode: '', afterMode: '100644' }], 'Writea.txt+1 −1 · 3 ms', ['same', 'old', 'new'], 'created a.txt'],
  ['edit_file', [{ ...CHANGE, beforeMode: '100644', afterMode: '100755' }], 'Edita.txt+1 −1 · 3 ms', ['same', 'old', 'new'], 'changed a.txt mode 100644 → 100755'],
  ['write_file', [{ path: 'new', afterMode: '40700' }, { ...CHANGE, path: 'new/a.txt', before: '', afterMode: '100644' }], 'Writea.txt+1 −1 · 3 ms', ['same', 'old', 'new'], 'created new/a.txt'],
  ['edit_file', [{ path: 'a.txt', before: 'x', after: '' }, { path: 'b.txt', before: '', after: 'x' }], 'Edita.txt3 ms', [], ''],
])('the row of %s counts lines, and its diff is there', async (name, changes, said, lines, words) => {
  const drawn = card(call(name, { path: 'a.txt' }, BEGIN, { ...HERE, event: 'tool.result', ok: true, content: 'done', durationMs: 3, changes }));
  expect(row(drawn)).toContain(said);
  expect([...drawn.querySelectorAll('[data-kind] code')].map((each) => each.textContent)).toEqual(lines);
  if (words) expect(drawn.textContent).toContain(words);
  expect(drawn.textContent).not.toMatch(/created new\b(?!\/)/);
});

test('a file that moved is named with where it came from', async () => {
  const changes = [{ path: 'a.txt', before: 'x', after: '' }, { path: 'b.txt', before: '', after: 'x' }];
  const user = bench.draw(<ToolCard call={call('edit_file', { path: 'a.txt' }, { ...HERE, event: 'tool.result', ok: true, content: 'done', changes })} />);
  await user.click(screen.getByRole('button', { expanded: false }));
  expect(screen.getByRole('region').textContent).toContain('renamed b.txt from a.txt');
  expect(screen.getByRole('region').textContent).not.toContain('deleted');
});

test('a shortened result says so, and all of it is read where it is kept', async () => {
  const { id } = bench.gateway.addSession();
  await bench.start();
  bench.gateway.answers[`GET /v3/sessions/${id}/artifacts/c1.txt`] = 'all of it';
  const user = bench.draw(<ToolCard call={call('grep', { pattern: 'x' }, { ...HERE, event: 'tool.result', ok: true, content: 'a part', truncated: true, spill: 'c1.txt' })} />);
  await user.click(screen.getByRole('button', { expanded: false }));
  await user.click(screen.getByRole('button', { name: 'Show all of it' }));
  await bench.pass();
  expect(screen.getByText(/all of it/, { selector: 'pre *' })).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Save' }));
  await bench.pass();
  expect(bench.saved).toEqual(['c1.txt']);
});

test('a picture that a server sent is shown, and says why where it cannot be', async () => {
  const { id } = bench.gateway.addSession();
  await bench.start();
  bench.gateway.answers[`GET /v3/sessions/${id}/artifacts/c1-2.png`] = 'bytes';
  bench.gateway.refusals[`GET /v3/sessions/${id}/artifacts/c1-3.png`] = [404, 'not_found', 'c1-3.png is not kept any more.'];
  vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: () => 'blob:made', revokeObjectURL: () => undefined }));
  const content = '[image image/png, 5 bytes, kept as attachment c1-2.png] [image image/png, 5 bytes, kept as attachment c1-3.png] other-9.png';
  const user = bench.draw(<ToolCard call={call('mcp__x__draw', {}, { ...HERE, event: 'tool.result', ok: true, content })} />);
  await bench.pass();
  expect(screen.getAllByRole('img').map((each) => [each.getAttribute('alt'), each.getAttribute('src')])).toEqual([['c1-2.png', 'blob:made']]);
  expect(screen.getByText('c1-3.png cannot be shown: c1-3.png is not kept any more.')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Enlarge c1-2.png' }));
  expect(within(screen.getByRole('dialog')).getByRole('img')).toBeTruthy();
});

// Texts that are hard to show: lines, blanks, directions, markup, controls, and much of it.
const HARD = ['a', 'Z9', ' ', '  ', '\n', '\t', '\r', '--', '# c', '<b>', '&amp;', '"', "'", '\\', '\u202e', '\u200b', '\u00a0', '\u001b[8m', '\ufeff', 'é', '日本', 'שלום', '🙂', 'w'.repeat(300), 'line\n'.repeat(500), '`', '{', ']', '$(x)', '@@ -1 +1 @@', '+++ b'];

function random(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

function value(next: () => number, depth = 0): unknown {
  const kind = Math.floor(next() * (depth > 2 ? 4 : 6));
  const text = () => Array.from({ length: 1 + Math.floor(next() * 6) }, () => HARD[Math.floor(next() * HARD.length)]).join('');
  if (kind < 2) return text();
  if (kind === 2) return Math.floor(next() * 1e6);
  if (kind === 3) return next() < 0.5;
  if (kind === 4) return Array.from({ length: Math.floor(next() * 4) }, () => value(next, depth + 1));
  return Object.fromEntries(Array.from({ length: Math.floor(next() * 4) }, (_, at) => [`${text().slice(0, 20)}${at}`, value(next, depth + 1)]));
}

// Letters of every text in a value, as a person would look for them.
function letters(of: unknown): string[] {
  if (typeof of === 'string') return [...of].filter((each) => /[\p{L}\p{N}\p{P}\p{S}]/u.test(each));
  if (Array.isArray(of)) return of.flatMap(letters);
  if (of !== null && typeof of === 'object') return Object.values(of).flatMap(letters);
  return [...String(of)];
}

function tally(text: Iterable<string>): Map<string, number> {
  const found = new Map<string, number>();
  for (const each of text) found.set(each, (found.get(each) ?? 0) + 1);
  return found;
}

test('of random calls every letter of every argument is in the card, in every state', async () => {
  const endings: object[][] = [[], [ASK], [BEGIN], [BEGIN, { ...HERE, event: 'tool.result', ok: true, content: 'ok' }], [BEGIN, { ...FAILED, code: 'exit_1', content: 'Error: exit code 1' }], [{ stop: true }]];
  for (let seed = 1; seed <= 120; seed += 1) {
    const next = random(seed);
    const name = next() < 0.3 ? 'mcp__any__tool' : (TOOL_NAMES[Math.floor(next() * TOOL_NAMES.length)] ?? '');
    const made = value(next, 0);
    const args = { path: value(next, 3), command: value(next, 3), items: value(next, 1), more: made };
    const { unmount, container } = bench.drawn(<ToolCard call={call(name, args, ...(endings[seed % endings.length] ?? []))} />);
    const head = container.querySelector<HTMLButtonElement>('button[aria-expanded="false"]');
    if (head) await bench.act(() => head.click());
    const body = container.querySelector('section > div')?.textContent ?? '';
    const shown = tally(body);
    for (const [letter, count] of tally(letters(args))) expect(shown.get(letter) ?? 0, `${seed} ${name} ${letter}`).toBeGreaterThanOrEqual(count);
    unmount();
  }
});

test.each([
  ['mcp__db__query', 'db: query'],
  ['mcp__db__a__b', 'db: a__b'],
  ['mcp____x', 'mcp____x'],
  ['mcp__db', 'mcp__db'],
  ['other', 'other'],
])('the tool %s is called %s, as in Python', (name, label) => {
  expect(serverLabel(name)).toBe(label);
});
