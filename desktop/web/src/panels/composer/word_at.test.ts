import { expect, test } from 'vitest';
import { reference, wordAt } from './word_at';

// `|` is the caret.
const at = (written: string) => {
  const caret = written.indexOf('|');
  return wordAt(written.replace('|', ''), caret);
};

test.each<[string, string, number, number]>([
  ['/|', '', 0, 1],
  ['/co|', 'co', 0, 3],
  ['/co|mpact now', 'co', 0, 8],
])('%s completes a command', (written, query, from, to) => {
  expect(at(written)).toEqual({ kind: 'command', from, to, query });
});

test.each<[string, string, number]>([
  ['@|', '', 0],
  ['Look at @src/a|', 'src/a', 8],
  ['(@src|', 'src', 1],
  ['see @"my fi|', 'my fi', 4],
  ["see @'my fi|", 'my fi', 4],
  ['see @my\\ fi|', 'my fi', 4],
  ['first\nand @b|', 'b', 10],
  ['lies @a und @ü|', 'ü', 12],
])('%s completes a path', (written, query, from) => {
  expect(at(written)).toEqual({ kind: 'file', from, to: written.indexOf('|'), query });
});

test.each(['|', 'a |/b', 'text /co|', '/etc/ho|sts', '/etc|/hosts', 'me@exa|', 'in `@cod|', '@done |', '@a"b|'])('%s completes nothing', (written) => {
  expect(at(written)).toBeNull();
});

test.each<[string, boolean, string]>([
  ['src/app.py', false, '@src/app.py'],
  ['src', true, '@src/'],
  ['my notes.txt', false, '@"my notes.txt"'],
  ['my dir', true, '@"my dir/"'],
  ['app/[id]/page.tsx', false, '@"app/[id]/page.tsx"'],
  ['a:10', false, '@"a:10"'],
  ['end.', false, '@"end."'],
  ['say "hi".txt', false, `@'say "hi".txt'`],
  [`it's "so"`, false, ''],
  ['übersicht.md', false, '@übersicht.md'],
])('%s is written as %s %s', (path, isFolder, written) => {
  expect(reference(path, isFolder)).toBe(written);
});
