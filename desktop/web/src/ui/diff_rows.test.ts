import { expect, test } from 'vitest';
import { diffRows, splitRows } from './diff_rows';

const HEAD = '--- a/x\n+++ b/x\n';

// Rows in short: the sign and the line, or what stands for several.
function short(text: string): string[] {
  return diffRows(text).map((row) => (row.kind === 'line' ? row.line.text : row.kind === 'fold' ? `fold ${row.lines.length}` : row.kind === 'gap' ? `gap ${row.count} ${row.about}`.trim() : `note ${row.text}`));
}

test('lines between hunks are counted, and a hunk says what it is in', () => {
  expect(short(`${HEAD}@@ -4,2 +4,2 @@ def f():\n a\n-b\n+c\n@@ -20 +20 @@\n-d\n+e`)).toEqual(['gap 3 def f():', ' a', '-b', '+c', 'gap 14', '-d', '+e']);
  expect(short(`${HEAD}@@ -0,0 +1,2 @@\n+a\n+b`)).toEqual(['+a', '+b']);
  expect(short(`${HEAD}@@ -1,2 +0,0 @@\n-a\n-b`)).toEqual(['-a', '-b']);
  expect(short(`${HEAD}@@ -3,0 +4 @@\n+a\n@@ -9,0 +11 @@\n+b`)).toEqual(['gap 3', '+a', 'gap 6', '+b']);
});

test('a long run of unchanged lines is folded but for those beside a change', () => {
  const same = Array.from({ length: 12 }, (_, at) => ` ${at}`).join('\n');
  expect(short(`${HEAD}@@ -1,14 +1,14 @@\n-a\n+b\n${same}\n-c\n+d`)).toEqual(['-a', '+b', ' 0', ' 1', ' 2', 'fold 6', ' 9', ' 10', ' 11', '-c', '+d']);
  expect(short(`${HEAD}@@ -1,13 +1,13 @@\n${same}\n-c\n+d`)).toEqual(['fold 9', ' 9', ' 10', ' 11', '-c', '+d']);
  expect(short(`${HEAD}@@ -1,5 +1,5 @@\n 1\n 2\n 3\n 4\n-c\n+d`)).toEqual([' 1', ' 2', ' 3', ' 4', '-c', '+d']);
});

test('what is no line of the file is a note', () => {
  expect(short(`${HEAD}@@ -1 +1 @@\n-a\n\\ No newline at end of file\n+a\n… 3 more lines`)).toEqual(['-a', 'note No newline at end of file', '+a', 'note … 3 more lines']);
  expect(short('')).toEqual([]);
});

test('every changed line is in the rows, whatever it looks like', () => {
  const lines = ['--- a', '+++ b', '@@ -1 +1 @@', '\\ No', '', ' '];
  const text = `${HEAD}@@ -1,${lines.length} +1,${lines.length} @@\n${lines.map((line) => `-${line}`).join('\n')}\n${lines.map((line) => `+${line}`).join('\n')}`;
  expect(short(text)).toEqual([...lines.map((line) => `-${line}`), ...lines.map((line) => `+${line}`)]);
});

test('in two columns removed lines stand beside the added ones that follow', () => {
  const rows = splitRows(diffRows(`${HEAD}@@ -1,4 +1,4 @@\n a\n-b\n-c\n+d\n e\n+f`));
  expect(rows.map((row) => (row.kind === 'pair' ? [row.old?.text ?? null, row.now?.text ?? null] : row.kind))).toEqual([[' a', ' a'], ['-b', '+d'], ['-c', null], [' e', ' e'], [null, '+f']]);
});
