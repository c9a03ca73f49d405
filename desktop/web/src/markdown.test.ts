// Incremental equals whole: at every prefix, the blocks are those of a full parse.

import { marked } from 'marked';
import { expect, test } from 'vitest';
import { BlockSplitter, isTame } from './markdown';

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
  for (const wild of ['>'.repeat(10_000), '- '.repeat(10_000), '*'.repeat(100_000), 'x'.repeat(100_000), ' '.repeat(200) + '- x', '1. '.repeat(50)]) {
    const text = `before\n\n${wild}\n\nafter\n\n`;
    const { committed, open } = new BlockSplitter().split(text);
    expect(isTame(text)).toBe(false);
    expect([...committed, ...open].join('')).toBe(text);
  }
});

test('ordinary markup is tame', () => {
  for (const text of [...TEXTS, '-'.repeat(200), '| - | - |\n'.repeat(100), '> > > quote', '  '.repeat(10) + '- deep', '**bold** '.repeat(2000)]) {
    expect(isTame(text)).toBe(true);
  }
});
