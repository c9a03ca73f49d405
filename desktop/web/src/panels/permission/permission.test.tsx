// What a permission card shows: every non-blank character of every argument, where it runs, and the whole diff.

import { renderToStaticMarkup } from 'react-dom/server';
import { describe, expect, test } from 'vitest';
import { StringsProvider } from '../../strings/strings';
import { Card } from './card';
import { endingOf } from './endings';
import { leaves, unshown } from './question';
import { type Call, Transcript } from '../../transcript';
import { line, pieces } from '../../visible';

const ASKED = {
  sid: 'abcdef',
  turn: 't1',
  requestId: 'r1',
  callId: 'c1',
  reason: 'run_command = ask',
  rule: 'run_command = ask',
  layer: 'defaults',
  expiresAt: new Date(Date.now() + 300_000).toISOString(),
};

function asked(name: string, args: Record<string, unknown>, more: object = {}): Call {
  const transcript = new Transcript();
  const events = [
    { event: 'session.start', sid: 'abcdef', title: '', cwd: '/work', mode: 'do', level: 'L2' },
    { event: 'turn.start', sid: 'abcdef', turn: 't1', role: 'user', text: 'go', mode: 'do', level: 'L2' },
    { event: 'step.start', sid: 'abcdef', turn: 't1', step: 1, provider: 'p', model: 'm', attempt: 1 },
    { event: 'tool.call', sid: 'abcdef', turn: 't1', callId: 'c1', name, args, risk: 'execute', step: 1 },
    { event: 'permission.request', ...ASKED, name, args, ...more },
  ];
  events.forEach((event, at) => transcript.apply({ seq: at + 1, ...event } as never));
  const call = transcript.asking()[0]?.call;
  if (!call) throw new Error('nothing is asked');
  return call;
}

function html(call: Call): string {
  return renderToStaticMarkup(
    <StringsProvider>
      <Card call={call} cwd="/work" onAnswer={() => Promise.resolve(true)} />
    </StringsProvider>,
  );
}

// The text of the card as it is drawn; marks are left out, escapes stay.
function drawn(call: Call): string {
  return html(call)
    .replace(/<span class="mark">[^<]*<\/span>/g, '')
    .replace(/<[^>]*>/g, '')
    .replace(/&lt;/g, '<')
    .replace(/&gt;/g, '>')
    .replace(/&quot;/g, '"')
    .replace(/&#x27;/g, "'")
    .replace(/&amp;/g, '&');
}

const solid = (text: string) => text.replace(/[ \t\n]/g, '');
// A text as the card has to draw it, blanks left out.
const expected = (text: string) =>
  solid(
    pieces(text)
      .filter((piece) => piece.kind !== 'mark')
      .map((piece) => piece.text)
      .join(''),
  );

function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state / 2 ** 32;
  };
}

const ALPHABET = ['a', 'Z', '0', ' ', '  ', '\n', '\t', '\r', '-', '--', '+++', '---', '-- ', '#', '&&', '<b>', '&amp;', '"', "'", '\\', '`', '$(x)', '\u202e', '\u200b', '\u00a0', '\u0000', '\u001b[8m', '\ufeff', '\u2028', 'é', '日本', 'שלום', '🙂', '\ud800', 'x'.repeat(300)]; // prettier-ignore

function value(chance: () => number, depth = 0): unknown {
  const kind = Math.floor(chance() * (depth > 3 ? 4 : 7));
  if (kind < 2) return Array.from({ length: Math.floor(chance() * 20) }, () => ALPHABET[Math.floor(chance() * ALPHABET.length)]).join('');
  if (kind === 2) return Math.floor(chance() * 1e6) / 8;
  if (kind === 3) return [true, false, null][Math.floor(chance() * 3)];
  if (kind === 4) return Array.from({ length: Math.floor(chance() * 4) }, () => value(chance, depth + 1));
  return Object.fromEntries(Array.from({ length: Math.floor(chance() * 4) }, (_, at) => [`key ${at}${ALPHABET[Math.floor(chance() * ALPHABET.length)]}`, value(chance, depth + 1)]));
}

function texts(found: unknown): string[] {
  if (Array.isArray(found)) return found.flatMap(texts);
  if (found !== null && typeof found === 'object') return Object.values(found).flatMap(texts);
  return [typeof found === 'string' ? found : JSON.stringify(found)];
}

describe('the card', () => {
  test('holds every line of a call of 500 lines, with long words, control characters and both directions of writing', () => {
    const chance = random(5);
    const hard = () => ALPHABET.map((part) => (chance() < 0.3 ? part : '')).join('') + 'w'.repeat(Math.floor(chance() * 400));
    for (const name of ['run_command', 'mcp__files__move', 'write_file', 'web_fetch']) {
      const lines = Array.from({ length: 500 }, (_, at) => `${at} ${hard()}`);
      const text = solid(drawn(asked(name, { [`about ${hard()}`]: lines.join('\n'), deep: [{ inner: lines.slice(0, 20) }] })));
      expect(text).toContain(expected(lines.join('\n')));
      for (const part of lines.slice(0, 20)) expect(text).toContain(expected(part));
    }
  });

  test('holds every non-blank character of every argument of random calls', () => {
    const chance = random(11);
    const names = ['run_command', 'browser_navigate', 'mcp__files__move', 'todo', 'command_stop', 'unknown_tool', 'write_file'];
    for (let round = 0; round < 400; round += 1) {
      const args = Object.fromEntries(Array.from({ length: 1 + Math.floor(chance() * 5) }, (_, at) => [`arg${at}`, value(chance)]));
      const text = solid(drawn(asked(names[round % names.length] ?? '', args)));
      for (const part of texts(args)) expect(text).toContain(expected(part));
      for (const leaf of leaves(args)) expect(text).toContain(solid(line(leaf.name)));
    }
  });

  test('shows where and how a command runs, and each of its lines', () => {
    const execution = { folder: '/projects/api', timeoutS: 30, background: true, network: 'on', sandbox: 'landlock', programs: ['/usr/bin/make'] };
    const text = drawn(asked('run_command', { command: 'make # harmless\nrm -rf x  ', cwd: 'api', timeout_s: 30, background: true }, { execution }));
    for (const part of ['make # harmless\nrm -rf x', '/projects/api', '30 s', 'in the background', 'yes', 'landlock', '/usr/bin/make', 'left'])
      expect(text).toContain(part);
  });

  test('shows server, tool and schema of an MCP call', () => {
    const text = drawn(asked('mcp__files__move', { from: 'a', to: { deep: ['b'] } }, { server: 'files', schema: 'ab'.repeat(32) }));
    for (const part of ['files', 'mcp__files__move', 'ab'.repeat(32), 'from', 'to.deep[0]']) expect(text).toContain(part);
  });

  test('shows each line of a diff, whatever it begins with, and all of a long one', () => {
    const odd = ['--- a/q.sql', '+++ b/q.sql', '@@ -1,3 +1,3 @@', '--- old comment', '+++ counter', '-- x', '+-- y', ' same'];
    const long = Array.from({ length: 3000 }, (_, at) => `+line number ${at}.`);
    const writing = { bytes: 1, sha256: 'c'.repeat(64) };
    const text = drawn(asked('write_file', { path: 'q.sql', content: 'x' }, { diff: [...odd, ...long].join('\n'), writing }));
    for (const part of [...odd, ...long]) expect(text).toContain(part);
    expect(text).toContain('c'.repeat(64));
  });
});

describe('what cannot be shown whole', () => {
  const execution = { folder: '/work', timeoutS: 120, sandbox: 'full' };
  test.each([
    ['a command of which it is not known where it runs', asked('run_command', { command: 'ls' }), 'where and how'],
    ['a write without its outcome', asked('write_file', { path: 'a', content: 'b' }), 'cannot be shown'],
    ['an MCP call without its server', asked('mcp__a__b', {}), 'which server'],
    ['a question without an end', asked('run_command', { command: 'ls' }, { execution, expiresAt: '' }), 'until when'],
    ['more than a browser draws', asked('run_command', { command: 'x'.repeat(4_000_001) }, { execution }), 'too large'],
  ])('%s cannot be allowed', (_, call, said) => {
    expect(unshown(call)).toContain(said);
    expect(html(call)).toContain('It cannot be allowed.');
  });

  test('an expired question is dead', () => {
    const call = asked('run_command', { command: 'ls' }, { execution, expiresAt: new Date(Date.now() - 1).toISOString() });
    expect(html(call)).toContain('This question has expired');
    expect(html(call).match(/<button[^>]*>/g)?.every((button) => button.includes('disabled'))).toBe(true);
  });

  test('what can is not held back', () => expect(unshown(asked('run_command', { command: 'ls' }, { execution }))).toBe(''));
});

describe('text', () => {
  test('invisible, reordering and blank characters are drawn', () => {
    expect(line('a\u202eb\u200bc\u00a0d\r\ne  \nf\tg')).toBe('a\\u202eb\\u200bc\\xa0d\\x0d↵e··↵f→\tg');
    expect(line(`a${' '.repeat(5000)}b`)).toBe('a·×5000b');
    expect(line(`e${'\u0301'.repeat(4)}`)).toBe('e\u0301\u0301\\u0301\\u0301');
    expect(line('\ud800')).toBe('\\ud800');
  });
});

describe('what became of a question', () => {
  const call = (more: object) => ({ ...asked('run_command', { command: 'ls' }), ...more }) as Call;
  test.each([
    [call({ decidedBy: 'client', client: 'the terminal', state: 'running' }), false, { key: 'answered', values: { client: 'the terminal', decision: 'allowed' } }],
    [call({ decidedBy: 'client', client: 'the page', state: 'denied' }), false, { key: 'answered', values: { client: 'window', decision: 'denied' } }],
    [call({ decidedBy: 'client', state: 'denied' }), false, { key: 'answered', values: { client: 'elsewhere', decision: 'denied' } }],
    [call({ decidedBy: 'timeout', state: 'denied' }), false, { key: 'expired' }],
    [call({}), true, { key: 'turnEnded' }],
    [call({}), false, { key: 'unknown' }],
  ])('%#', (over, hasTurnEnded, ending) => expect(endingOf({ call: over, asked: null }, hasTurnEnded)).toEqual(ending));
});
