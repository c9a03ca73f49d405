// The end of the logs as it was read so far: what is older than ENTRIES_MAX entries is forgotten.

import type { LogEntries, LogEntry } from '../../bridge';

const ENTRIES_MAX = 5_000;

// `number`: counts all entries that were read, from 1.
export interface NumberedEntry extends LogEntry {
  number: number;
}

export class LogTail {
  constructor(
    readonly entries: readonly NumberedEntry[] = [],
    // How far each log was read; null before the first answer.
    readonly ends: Record<string, number> | null = null,
    readonly count = 0,
    // Entries that were too many for an answer. What the first answer leaves out is only old.
    readonly leftOut = 0,
  ) {}

  with(found: LogEntries): LogTail {
    const news = found.entries.map((entry, at) => ({ ...entry, number: this.count + at + 1 }));
    const leftOut = this.leftOut + (this.ends ? found.leftOut : 0);
    return new LogTail([...this.entries, ...news].slice(-ENTRIES_MAX), found.ends, this.count + news.length, leftOut);
  }
}
