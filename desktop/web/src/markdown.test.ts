// Incremental equals whole: at every prefix, the blocks are those of a full parse.

import { marked } from 'marked';
import { expect, test } from 'vitest';
import { BlockSplitter, isTame, tokensOf } from './markdown_blocks';

const TEXTS = [
  '# Title\n\nSome *text* with `code` and\nmore.\n\n- one\n- two\n  - deep\n\n1. first\n2. second\n\n> quote\n> more\n\n```ts\nconst a = 1;\n\nconst b = 2;\n```\n\nAfter.\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\nEnd **bold**',
  'plain\n\n\n\nwith gaps\n\n---\n\n<div>raw</div>\n\n```\nopen fence\n\nnever closed',
];

test.each(TEXTS)('every prefix splits into the blocks of a full parse', (text) => {
  const splitter = new BlockSplitter();
  for (let end = 1; end <= text.length; end += 1) {
    const { committed, open } = splitter.split(text.slice(0, end));
    expect([...committed, ...open]).toEqual(marked.lexer(text.slice(0, end)).map((token) => token.raw));
  }
});

test('a text that was cut and sent again starts over', () => {
  const splitter = new BlockSplitter();
  splitter.split('one\n\ntwo\n\nthree\n\nfour\n\n');
  const { committed, open } = splitter.split('other');
  expect([...committed, ...open]).toEqual(['other']);
});

test('text without measure is not lexed, and loses nothing', () => {
  for (const wild of ['>'.repeat(10_000), '- '.repeat(10_000), '*'.repeat(100_000), 'x'.repeat(100_000), `${' '.repeat(200)}- x`, '1. '.repeat(50)]) {
    const text = `before\n\n${wild}\n\nafter\n\n`;
    const { committed, open } = new BlockSplitter().split(text);
    expect(isTame(text)).toBe(false);
    expect([...committed, ...open].join('')).toBe(text);
  }
});

test('a line without end is cut into pieces that stay as they are while it grows', () => {
  for (const line of ['word '.repeat(20_000), '😀'.repeat(40_000), `x${'😀'.repeat(40_000)}`]) {
    const splitter = new BlockSplitter();
    const pieces = (text: string): string[] => {
      const { committed, open } = splitter.split(text);
      return [...committed, ...open];
    };
    const before = pieces(line.slice(0, 70_000));
    const after = pieces(line);
    expect(after.slice(0, before.length - 1)).toEqual(before.slice(0, -1));
    expect(after.join('')).toBe(line);
    expect(after.length).toBeGreaterThan(4);
    for (const piece of after) expect(() => encodeURIComponent(piece)).not.toThrow();
  }
});

test('ordinary markup is tame', () => {
  for (const text of [...TEXTS, '-'.repeat(200), '| - | - |\n'.repeat(100), '> > > quote', `${'  '.repeat(10)}- deep`, '**bold** '.repeat(2000)]) {
    expect(isTame(text)).toBe(true);
  }
});

// Pieces of which random texts are made; some of them only mean something beside others.
const PIECES = [
  'word ', 'two words', '\n', '\n', '\n\n', '\n\n\n', '# ', '## ', '- ', '- ', '* ', '1. ', '2) ', '  ', '    ', '\t', '> ', '>> ', '```', '```ts\n', '~~~', '`', '``', '**', '*', '_', '~~', '---', '===', '***',
  '| a | b |\n|---|:-:|\n', '| 1 | 2 |\n', '|', '\\|', '[x]', '[ ] ', '[a](b)', '[a][b]', '\n[b]: https://x.test\n', '[^1]', '\n[^1]: note\n', '<div>', '</div>', '<!-- ', ' -->', '&amp;', '![a](b)', 'https://x.test', '\\', '\r\n',
];

function random(seed: number): () => number {
  let state = seed * 2_654_435_761;
  return () => {
    state = (Math.imul(state ^ (state >>> 15), 2_246_822_519) + 0x9e3779b9) | 0;
    return (state >>> 0) / 2 ** 32;
  };
}

test('random texts: at every prefix the blocks are those of a full parse, and what they say is the same', () => {
  for (let seed = 1; seed <= 300; seed += 1) {
    const next = random(seed);
    const text = Array.from({ length: 6 + Math.floor(next() * 34) }, () => PIECES[Math.floor(next() * PIECES.length)]).join('');
    const growing = new BlockSplitter();
    for (let end = 1; end <= text.length; end += 1) {
      const prefix = text.slice(0, end);
      if (prefix.endsWith('\r')) continue;
      const now = growing.split(prefix);
      const whole = new BlockSplitter().split(prefix);
      const raws = (blocks: typeof now) => [...blocks.committed, ...blocks.open];
      expect(raws(now), JSON.stringify(prefix)).toEqual(raws({ ...whole, committed: tokensOf(prefix.replace(/\r\n?/g, '\n'), {}).map((token) => token.raw), open: [] }));
      expect([now.links, [...now.footnotes].sort()], JSON.stringify(prefix)).toEqual([whole.links, [...whole.footnotes].sort()]);
    }
  }
});
