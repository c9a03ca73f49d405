// The hunks of a unified diff, each a diff of its own.

import { diffLines } from './diff_lines';

export interface Hunk {
  // Its line ranges, as its header has them: '-12,4 +12,6'. They name it to the daemon.
  lines: string;
  text: string;
}

const HUNK = /^@@ (-\d+(?:,\d+)? \+\d+(?:,\d+)?) @@/;

export function diffHunks(text: string): Hunk[] {
  const hunks: Hunk[] = [];
  for (const line of diffLines(text)) {
    const lines = line.kind === 'head' ? HUNK.exec(line.text)?.[1] : undefined;
    const last = hunks.at(-1);
    if (lines) hunks.push({ lines, text: line.text });
    else if (last) last.text += `\n${line.text}`;
  }
  return hunks;
}
