// A fold of the first events of a session. It can begin at a moment that others share, and changes nothing of theirs.

import type { AnyEvent } from '../protocol';
import { type Moment, Transcript, type Turn } from '../transcript';

// Pieces of text change the turn that they belong to, and nothing else on the page.
const PIECES = ['turn.token', 'turn.thinking', 'tool.output'];

export class PartialFold {
  // Grows whenever more than the text of a turn has changed.
  version = 0;
  // Turns that no moment shares.
  private readonly renewed = new Set<string>();

  private constructor(
    readonly transcript: Transcript,
    // How many events are folded.
    public count: number,
  ) {}

  static empty(): PartialFold {
    return new PartialFold(new Transcript(), 0);
  }

  static from({ count, moment }: Checkpoint): PartialFold {
    return new PartialFold(Transcript.at(moment), count);
  }

  // Apply the next event; the turn that it changed.
  apply(event: AnyEvent): Turn | null {
    const id = event.turn ?? '';
    if (id && !this.renewed.has(id)) {
      this.renewed.add(id);
      this.version += 1;
      this.transcript.renew(id);
    }
    if (!PIECES.includes(event.event)) this.version += 1;
    this.count += 1;
    return this.transcript.apply(event);
  }

  checkpoint(): Checkpoint {
    this.renewed.clear();
    return { count: this.count, moment: this.transcript.moment() };
  }
}

export interface Checkpoint {
  count: number;
  moment: Moment;
}

// Moments of a session, so that any event is reached without folding all before it. They share the turns that do not differ.
export class Checkpoints {
  private made: Checkpoint[] = [];

  // `every`: events between two of them at first; `most`: how many are kept, at distances that double when there are more.
  constructor(
    private every = 1_000,
    private readonly most = 512,
  ) {}

  // Keep what a fold has come to, where that is due.
  note(fold: PartialFold): void {
    if (fold.count % this.every) return;
    this.made.push(fold.checkpoint());
    if (this.made.length <= this.most) return;
    this.every *= 2;
    this.made = this.made.filter(({ count }) => count % this.every === 0);
  }

  // The last one with at most `count` events.
  before(count: number): Checkpoint | null {
    return this.made.findLast((each) => each.count <= count) ?? null;
  }
}
