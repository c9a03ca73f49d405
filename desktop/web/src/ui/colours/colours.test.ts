// Colours of code: coloured line by line they are those of the whole, and a line is coloured once.

import { expect, test, vi } from 'vitest';
import { type BlockColours, COLOURED_MAX, coloursOf } from './block_colours';
import { grammarName, grammarOf } from './grammars';
import { colour } from './line_colours';

// biome-ignore lint/suspicious/noTemplateCurlyInString: it is code in a text
const CODE = ['const a = `one', '  ${two} three`; // end', '/* a', '   comment */ function f(x: number) {', "  return 'text';", '}'];

test('a name, an alias and a name in capitals are a language; other words are none', () => {
  expect(['ts', 'TypeScript', 'typescript', 'py', 'c++', 'constructor', 'nothing', ''].map(grammarName)).toEqual(['typescript', 'typescript', 'typescript', 'python', 'cpp', '', '', '']);
});

test('what begins in one line goes on in the next', async () => {
  const { tokens } = await colour({ block: 1, language: 'typescript', from: 0, lines: CODE });
  expect(tokens.map((line) => line.map((token) => token.text).join(''))).toEqual(CODE);
  const toneOf = (line: number, text: string) => tokens[line]?.find((token) => token.text.includes(text))?.tone;
  expect([toneOf(0, 'const'), toneOf(1, 'three'), toneOf(1, 'end'), toneOf(2, 'a'), toneOf(3, 'comment'), toneOf(3, 'f'), toneOf(4, 'text')]).toEqual([
    'keyword', 'string-expression', 'comment', 'comment', 'comment', 'keyword', 'string-expression',
  ]);
});

test('lines that come one by one have the colours of the whole, and a change is coloured from there on', async () => {
  const whole = await colour({ block: 2, language: 'typescript', from: 0, lines: CODE });
  for (const [at, line] of CODE.entries()) {
    // As it is typed: the beginning of the line first.
    await colour({ block: 3, language: 'typescript', from: at, lines: [line.slice(0, 4)] });
    const { tokens } = await colour({ block: 3, language: 'typescript', from: at, lines: [line] });
    expect(tokens).toEqual([whole.tokens[at]]);
  }
  const closed = await colour({ block: 3, language: 'typescript', from: 2, lines: ['b', 'const c = 1;'] });
  expect(closed.tokens[1]?.[0]).toEqual({ text: 'const', tone: 'keyword' });
});

test('a very long line has no colours', async () => {
  const line = 'const a = 1;'.repeat(500);
  expect((await (await grammarOf('typescript'))?.colour(line, undefined))?.tokens).toEqual([{ text: line, tone: '' }]);
});

test('a block asks for new lines only, shows what it knows of a line that grows, and colours a bounded number', async () => {
  const onColours = vi.fn();
  const block = coloursOf('json', onColours) as BlockColours;
  block.want(['{"a": 1}']);
  await vi.waitFor(() => expect(block.tokens(0, '{"a": 1}')).toBeTruthy());
  expect(block.tokens(0, '{"a": 1}, x')?.at(-1)).toEqual({ text: ', x', tone: '' });
  expect(block.tokens(0, 'other')).toBeNull();
  const many = ['{"a": 1}', ...Array.from({ length: COLOURED_MAX + 10 }, (_, at) => `${at}`)];
  block.want(many);
  await vi.waitFor(() => expect(block.tokens(COLOURED_MAX - 1, `${COLOURED_MAX - 2}`)).toBeTruthy());
  expect(block.tokens(COLOURED_MAX, `${COLOURED_MAX - 1}`)).toBeNull();
  block.close();
});

test('every language of the list can be loaded and colours a line', async () => {
  const { LANGUAGE_NAMES } = await import('./grammars');
  for (const name of LANGUAGE_NAMES) {
    const grammar = await grammarOf(name);
    expect(grammar?.colour('a = 1 // b', undefined).tokens.map((token) => token.text).join(''), name).toBe('a = 1 // b');
  }
});
