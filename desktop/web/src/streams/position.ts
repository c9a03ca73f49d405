// Where a live stream resumes after a break. Each of the two kinds of stream counts in its own way.

// A line that is not an event: `ping`, `cursor`, `reset`, `bye`, `metrics`.
export interface Control {
  control: string;
  [field: string]: unknown;
}

export interface Position {
  // The query string of an address that resumes here.
  readonly query: string;
  // Whether an event line is the next one, was seen before, or comes after lines that are missing.
  take(line: string): 'new' | 'seen' | 'gap';
  // Note a control line.
  note(control: Control): void;
}

// In one session: events are numbered from 1 without a gap.
export class SessionPosition implements Position {
  constructor(private seq = 0) {}

  get query(): string {
    return `afterSeq=${this.seq}`;
  }

  take(line: string): 'new' | 'seen' | 'gap' {
    const seq = Number.parseInt(line.slice('{"seq":'.length), 10);
    if (seq <= this.seq) return 'seen';
    if (seq !== this.seq + 1) return 'gap';
    this.seq = seq;
    return 'new';
  }

  note(): void {}
}

// In the stream of all sessions: the server sends a cursor after each batch, in the same frame.
export class GlobalPosition implements Position {
  private cursor = '';

  get query(): string {
    return `cursor=${encodeURIComponent(this.cursor)}`;
  }

  take(): 'new' {
    return 'new';
  }

  note(control: Control): void {
    if (control.control === 'cursor') this.cursor = String(control.cursor);
  }
}
