import { expect, test } from 'vitest';
import { diffHunks } from './diff_hunks';

test('a diff is split at the headers of its hunks, and at no line of a file that looks like one', () => {
  const first = '@@ -1,2 +1,2 @@\n a\n-@@ -9,9 +9,9 @@\n+b';
  const second = '@@ -20 +20 @@\n-c\n+d\n\\ No newline at end of file';
  expect(diffHunks(`--- a/f\n+++ b/f\n${first}\n${second}`)).toEqual([
    { lines: '-1,2 +1,2', text: first },
    { lines: '-20 +20', text: second },
  ]);
  expect(diffHunks('')).toEqual([]);
});
