import { expect, test } from 'vitest';
import { call, result, START, step, transcriptOf } from '../../testing/turns';
import { callRows, subjects } from './call_rows';

const rows = (...events: object[]) => callRows(transcriptOf(START, step(1), ...events).turns[0]?.steps[0]?.calls ?? []);
const read = (id: string, path: string) => call(id, 'read_file', { path });

test('reads that follow one another are one row, and what stands between them divides it', () => {
  const found = rows(read('a', 'src/a.ts'), read('b', 'src/b.ts'), call('c', 'edit_file', { path: 'a.ts' }), read('d', 'a.ts'), call('e', 'grep', { pattern: 'x' }));
  expect(found.map((row) => (row.kind === 'call' ? row.call.id : row.calls.map(({ id }) => id)))).toEqual([['a', 'b'], 'c', ['d', 'e']]);
});

test('one read alone, one that asks, one that was denied, and a tool of a server are rows of their own', () => {
  const asks = { event: 'permission.request', callId: 'b', requestId: 'r', name: 'read_file', args: {}, reason: '', expiresAt: '' };
  const denied = { event: 'permission.decision', callId: 'c', decision: 'deny', by: 'policy' };
  const found = rows(read('a', 'a'), read('b', 'b'), read('c', 'c'), asks, denied);
  expect(found.map((row) => row.kind)).toEqual(['call', 'call', 'call']);
});

test('a row shows the names of files without their folders, each once', () => {
  const [row] = rows(read('a', 'src/a.ts'), result('a', 'text'), read('b', 'lib/a.ts'), call('c', 'list_dir', { path: 'src/' }));
  expect(row?.kind === 'reads' && subjects(row.calls)).toEqual(['a.ts', 'src']);
});
