// A unified diff as rows to draw: changed lines with their surroundings, and what lies between them in one row.

import { type DiffLine, diffLines } from './diff_lines';

export type DiffRow =
  | { kind: 'line'; line: DiffLine }
  // Unchanged lines: those that the diff does not hold, by how many they are, and those that are folded.
  | { kind: 'gap'; count: number; about: string }
  | { kind: 'fold'; lines: DiffLine[]; id: number }
  // What is no line of a file: no line break at its end, a diff that was cut.
  | { kind: 'note'; text: string };

// One row of two columns.
export type SplitRow = Exclude<DiffRow, { kind: 'line' }> | { kind: 'pair'; old: DiffLine | null; now: DiffLine | null };

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,\d+)? @@ ?(.*)$/;
const FILE_HEADERS = /^(?:---|\+\+\+) /;
// Unchanged lines that stay beside a change; longer runs between two changes are folded.
const CONTEXT = 3;
const FOLD_MIN = 4;

export function diffRows(text: string): DiffRow[] {
  if (!text) return [];
  const rows: DiffRow[] = [];
  let same: DiffLine[] = [];
  // The last line of the old file that was shown, and whether a hunk has begun.
  let last = 0;
  let isBegun = false;
  const settle = (isEnd: boolean) => {
    const isStart = !rows.some((row) => row.kind === 'line');
    rows.push(...folded(same, isStart ? 0 : CONTEXT, isEnd ? 0 : CONTEXT));
    same = [];
  };
  for (const line of diffLines(text)) {
    if (line.kind === 'same') {
      same.push(line);
      last = line.old;
      continue;
    }
    const hunk = line.kind === 'head' ? HUNK.exec(line.text) : null;
    settle(hunk !== null);
    if (hunk) {
      // A hunk of no old lines stands behind the line that it names.
      const first = Number(hunk[1]) + (hunk[2] === '0' ? 1 : 0);
      const count = first - last - 1;
      if (count > 0) rows.push({ kind: 'gap', count, about: hunk[4] ?? '' });
      last = first - 1;
      isBegun = true;
    } else if (line.kind === 'head') {
      if (isBegun || !FILE_HEADERS.test(line.text)) rows.push({ kind: 'note', text: line.text.replace(/^\\ /, '') });
    } else {
      rows.push({ kind: 'line', line });
      last = line.old || last;
    }
  }
  settle(true);
  return rows.filter((row) => row.kind !== 'note' || row.text !== '');
}

// A run of unchanged lines: the first and the last ones, and what is between them folded when it is long enough to be worth it.
function folded(lines: DiffLine[], before: number, after: number): DiffRow[] {
  const hidden = lines.slice(before, lines.length - after);
  const shown = (each: DiffLine[]) => each.map((line): DiffRow => ({ kind: 'line', line }));
  // The context of a hunk that begins or ends there is short already.
  if (hidden.length < FOLD_MIN + (before && after ? 0 : CONTEXT)) return shown(lines);
  const keptBefore = before || (after ? 0 : CONTEXT);
  return [...shown(lines.slice(0, keptBefore)), { kind: 'fold', lines: lines.slice(keptBefore, lines.length - after), id: lines[keptBefore]?.now ?? 0 }, ...shown(lines.slice(lines.length - after))];
}

// The same in two columns: a run of removed lines beside the added ones that follow it.
export function splitRows(rows: DiffRow[]): SplitRow[] {
  const found: SplitRow[] = [];
  let dels: DiffLine[] = [];
  let adds: DiffLine[] = [];
  const settle = () => {
    for (let at = 0; at < Math.max(dels.length, adds.length); at += 1) found.push({ kind: 'pair', old: dels[at] ?? null, now: adds[at] ?? null });
    [dels, adds] = [[], []];
  };
  for (const row of rows) {
    if (row.kind === 'line' && row.line.kind === 'del') {
      if (adds.length) settle();
      dels.push(row.line);
    } else if (row.kind === 'line' && row.line.kind === 'add') adds.push(row.line);
    else {
      settle();
      found.push(row.kind === 'line' ? { kind: 'pair', old: row.line, now: row.line } : row);
    }
  }
  settle();
  return found;
}
