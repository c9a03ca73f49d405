// The events of a session by number, read page by page. So many pages are kept; the longest unused is read again when it is wanted.

import type { Daemon } from '../daemon';
import type { AnyEvent } from '../protocol';

const EVENTS_A_PAGE = 5_000;
const KEPT_MAX = 20;

export class EventPages {
  private readonly kept = new Map<number, AnyEvent[]>();

  constructor(
    private readonly daemon: Pick<Daemon, 'eventsAfter'>,
    private readonly sid: string,
    readonly size = EVENTS_A_PAGE,
    private readonly most = KEPT_MAX,
  ) {}

  // The events of a page, at once when it is kept. `page` 0 begins with the first event.
  at(page: number): AnyEvent[] | Promise<AnyEvent[]> {
    const known = this.kept.get(page);
    if (!known) return this.read(page);
    this.keep(page, known);
    return known;
  }

  private async read(page: number): Promise<AnyEvent[]> {
    const events: AnyEvent[] = [];
    // An answer with very long lines is shorter than was asked for.
    while (events.length < this.size) {
      const more = await this.daemon.eventsAfter(this.sid, page * this.size + events.length, this.size - events.length);
      if (!more.length) break;
      events.push(...more);
    }
    this.keep(page, events);
    return events;
  }

  private keep(page: number, events: AnyEvent[]): void {
    this.kept.delete(page);
    this.kept.set(page, events);
    const [oldest] = this.kept.keys();
    if (this.kept.size > this.most && oldest !== undefined) this.kept.delete(oldest);
  }
}
