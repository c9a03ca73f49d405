// The calls of a step as rows: reads that follow one another are one row, every other call is a row.

import { toolWords } from '../../strings/tool_words';
import type { Call } from '../../transcript';
import { summary } from '../permission/question';

export type CallRow = { kind: 'call'; call: Call } | { kind: 'reads'; calls: Call[] };

// Tools that look and change nothing, by name; one of an MCP server is never among them.
const READS = new Set(['read_file', 'list_dir', 'search_files', 'grep', 'command_output']);

export function callRows(calls: Call[]): CallRow[] {
  const rows: CallRow[] = [];
  let reads: Call[] = [];
  const close = () => {
    const [only] = reads;
    if (reads.length > 1) rows.push({ kind: 'reads', calls: reads });
    else if (only) rows.push({ kind: 'call', call: only });
    reads = [];
  };
  for (const call of calls) {
    // What asks or has failed is not hidden in a row of many.
    if (READS.has(call.name) && !call.server && call.state !== 'asking' && call.state !== 'denied') reads.push(call);
    else {
      close();
      rows.push({ kind: 'call', call });
    }
  }
  close();
  return rows;
}

// What some reads read, without repetition: the names of files without their folders.
export function subjects(calls: Call[]): string[] {
  return [...new Set(calls.map((call) => nameOf(summary(call)) || toolWords(call.name).label))];
}

function nameOf(path: string): string {
  return path.replace(/\/+$/, '').split('/').at(-1) ?? path;
}
