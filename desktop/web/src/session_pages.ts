// The sessions that the rail knows: pages of the list, newest first, and wherever they are in it those that wait and those that are pinned.

import type { Daemon } from './daemon';
import type { Session, SessionList } from './protocol';

export const PAGE_SESSIONS = 200;

export interface Known {
  sessions: Session[];
  // Every session that waits for a person, whatever the filter.
  waiting: Session[];
  hasMore: boolean;
}

export class SessionPages {
  private loaded: Session[] = [];
  private besides: Session[] = [];
  private waiting: Session[] = [];
  private filter = '';
  private hasMore = false;
  // Counts the answers that were begun, so that one for an older filter is dropped.
  private reads = 0;

  constructor(private readonly daemon: Pick<Daemon, 'sessions'>) {}

  // Read the newest page again. What is older stays as it was read: whatever happens to a session moves it to the first page.
  async read(filter: string): Promise<Known | null> {
    const read = (this.reads += 1);
    const [page, waiting, pinned] = await Promise.all([
      this.daemon.sessions({ q: filter, archived: '0', limit: PAGE_SESSIONS }),
      this.daemon.sessions({ state: 'waiting', limit: PAGE_SESSIONS }),
      filter ? { sessions: [], nextCursor: null } : this.daemon.sessions({ pinned: '1', archived: '0', limit: PAGE_SESSIONS }),
    ]);
    if (read !== this.reads) return null;
    const isOther = filter !== this.filter;
    this.filter = filter;
    this.loaded = isOther ? page.sessions : withFirstPage(this.loaded, page);
    this.hasMore = page.nextCursor !== null && (this.loaded.length > page.sessions.length ? this.hasMore : true);
    this.waiting = waiting.sessions;
    this.besides = filter ? [] : [...pinned.sessions, ...waiting.sessions.filter((session) => !session.archived)];
    return this.known();
  }

  // Read the page behind those that are known; null when there is none, or another filter came meanwhile.
  async more(): Promise<Known | null> {
    const last = this.loaded.at(-1);
    if (!last || !this.hasMore) return null;
    const { filter } = this;
    const page = await this.daemon.sessions({ q: filter, archived: '0', limit: PAGE_SESSIONS, cursor: last.id });
    if (filter !== this.filter) return null;
    this.loaded = joined(this.loaded, page.sessions);
    this.hasMore = page.nextCursor !== null;
    return this.known();
  }

  // A session went to the trash or the archive: it may be on a page that is not read again.
  forget(sid: string): Known {
    const others = (sessions: Session[]) => sessions.filter(({ id }) => id !== sid);
    this.loaded = others(this.loaded);
    this.besides = others(this.besides);
    this.waiting = others(this.waiting);
    return this.known();
  }

  private known(): Known {
    return { sessions: joined(this.besides, this.loaded), waiting: this.waiting, hasMore: this.hasMore };
  }
}

// Newest first. Of a session that is in both, what was read of its last event.
function joined(some: readonly Session[], others: readonly Session[]): Session[] {
  const byId = new Map<string, Session>();
  for (const session of [...some, ...others]) {
    const known = byId.get(session.id);
    if (!known || known.lastSeq <= session.lastSeq) byId.set(session.id, session);
  }
  return [...byId.values()].sort(newestFirst);
}

function withFirstPage(known: readonly Session[], page: SessionList): Session[] {
  const last = page.sessions.at(-1);
  if (!page.nextCursor || !last) return page.sessions;
  const ids = new Set(page.sessions.map(({ id }) => id));
  return [...page.sessions, ...known.filter((session) => !ids.has(session.id) && newestFirst(last, session) < 0)];
}

// As the daemon sorts its lists.
function newestFirst(one: Session, other: Session): number {
  if (one.lastActivityAt !== other.lastActivityAt) return one.lastActivityAt < other.lastActivityAt ? 1 : -1;
  return one.id < other.id ? 1 : one.id > other.id ? -1 : 0;
}
