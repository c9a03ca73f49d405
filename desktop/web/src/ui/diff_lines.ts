// The lines of a unified diff: what kind each is, its number in the file, and the words that changed in it.

import { diffWordsWithSpace } from 'diff';
import { pieces } from '../visible';

export type Kind = 'head' | 'same' | 'add' | 'del';

export interface Part {
  text: string;
  isChanged: boolean;
}

export interface DiffLine {
  text: string;
  kind: Kind;
  // In the old file, or the new one for an added line; 0 for none.
  at: number;
  // Its number in the old and in the new file, 0 where it is not in it.
  old: number;
  now: number;
  // Of the text behind its sign, when only a part of it changed.
  parts: Part[] | null;
}

const HUNK = /^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@/;
// Longer lines, and longer runs of changed lines, are not compared word by word.
const WORDS_CHARS_MAX = 500;
const RUN_MAX = 60;
// Lines that have less in common than this are two different lines.
const COMMON_MIN = 0.4;

// Only as many lines as a hunk says belong to it: a changed line may itself begin like a header.
export function diffLines(text: string): DiffLine[] {
  const found: DiffLine[] = [];
  let old = 0;
  let now = 0;
  let oldLeft = 0;
  let newLeft = 0;
  for (const line of text.split('\n')) {
    const hunk = oldLeft || newLeft ? null : HUNK.exec(line);
    const [sign, isInside] = [line[0], oldLeft > 0 || newLeft > 0];
    if (hunk) {
      [old, oldLeft, now, newLeft] = [Number(hunk[1]), Number(hunk[2] ?? 1), Number(hunk[3]), Number(hunk[4] ?? 1)];
      found.push({ text: line, kind: 'head', at: 0, old: 0, now: 0, parts: null });
    } else if (isInside && sign === '+') {
      found.push({ text: line, kind: 'add', at: now, old: 0, now, parts: null });
      now += 1;
      newLeft -= 1;
    } else if (isInside && sign === '-') {
      found.push({ text: line, kind: 'del', at: old, old, now: 0, parts: null });
      old += 1;
      oldLeft -= 1;
    } else if (isInside && (sign === ' ' || line === '')) {
      found.push({ text: line, kind: 'same', at: now, old, now, parts: null });
      old += 1;
      now += 1;
      oldLeft -= 1;
      newLeft -= 1;
    } else found.push({ text: line, kind: 'head', at: 0, old: 0, now: 0, parts: null });
  }
  markWords(found);
  return found;
}

// How many lines a diff adds and removes.
export function counts(text: string): { added: number; removed: number } {
  const lines = diffLines(text);
  return { added: lines.filter(({ kind }) => kind === 'add').length, removed: lines.filter(({ kind }) => kind === 'del').length };
}

// Runs of removed lines that are followed by as many added ones are compared line by line.
function markWords(lines: DiffLine[]): void {
  let at = 0;
  while (at < lines.length) {
    if (lines[at]?.kind !== 'del') {
      at += 1;
      continue;
    }
    let dels = 0;
    while (lines[at + dels]?.kind === 'del') dels += 1;
    let adds = 0;
    while (lines[at + dels + adds]?.kind === 'add') adds += 1;
    if (dels === adds && dels <= RUN_MAX) for (let index = 0; index < dels; index += 1) compare(lines[at + index], lines[at + dels + index]);
    at += dels + adds;
  }
}

function compare(old: DiffLine | undefined, now: DiffLine | undefined): void {
  if (!old || !now || !isPlain(old.text) || !isPlain(now.text)) return;
  const changes = diffWordsWithSpace(old.text.slice(1), now.text.slice(1));
  const common = changes.filter((change) => !change.added && !change.removed).reduce((sum, change) => sum + change.value.trim().length, 0);
  if (common < COMMON_MIN * Math.min(old.text.trim().length, now.text.trim().length)) return;
  old.parts = changes.filter((change) => !change.added).map((change) => ({ text: change.value, isChanged: Boolean(change.removed) }));
  now.parts = changes.filter((change) => !change.removed).map((change) => ({ text: change.value, isChanged: Boolean(change.added) }));
}

// Whether the line is drawn as it is: characters that are drawn as their code are never split.
function isPlain(line: string): boolean {
  return line.length <= WORDS_CHARS_MAX && pieces(line).every((piece) => !piece.kind);
}
