import { expect, test } from 'vitest';
import { counts, diffLines } from './diff_lines';

const DIFF = ['--- a/x', '+++ b/x', '@@ -3,3 +3,4 @@', ' same', '-- old header', '+++ new header', '+added', ' end', '@@ -20 +21 @@', '-a', '+b'].join('\n');

test('a changed line that begins like a header is a changed line', () => {
  expect(diffLines(DIFF).map(({ kind, at }) => [kind, at])).toEqual([
    ['head', 0], ['head', 0], ['head', 0], ['same', 3], ['del', 4], ['add', 4], ['add', 5], ['same', 6], ['head', 0], ['del', 20], ['add', 21],
  ]);
  expect(counts(DIFF)).toEqual({ added: 3, removed: 2 });
});

test('the lines joined are the diff, whatever it holds', () => {
  for (const text of [DIFF, '', '\n\n', '@@ -1 +1 @@\n-a', 'Binary files differ', `${DIFF}\n… 3 more lines`, '@@ -1,2 +1,2 @@\n\n-\n+\n'])
    expect(diffLines(text).map((line) => line.text).join('\n')).toBe(text);
});

test('words that changed are marked, where the lines have enough in common', () => {
  const [, , , old, now] = diffLines('--- a\n+++ b\n@@ -1 +1 @@\n-const limit = 10;\n+const limit = 20;');
  expect(old?.parts?.filter((part) => part.isChanged).map((part) => part.text)).toEqual(['10']);
  expect(now?.parts?.filter((part) => part.isChanged).map((part) => part.text)).toEqual(['20']);
  for (const line of [old, now]) expect(line?.parts?.map((part) => part.text).join('')).toBe(line?.text.slice(1));
  expect(diffLines('@@ -1 +1 @@\n-alpha beta\n+gamma delta').map((line) => line.parts)).toEqual([null, null, null]);
});

test('a line with characters that are drawn as their code is not split', () => {
  expect(diffLines('@@ -1 +1 @@\n-pay to \u202eabc now\n+pay to \u202exyz now').map((line) => line.parts)).toEqual([null, null, null]);
});
