import { expect, test } from 'vitest';
import type { SessionsWanted } from './daemon';
import type { Session, SessionList } from './protocol';
import { PAGE_SESSIONS, SessionPages } from './session_pages';

// A daemon with `count` sessions; the one with the highest number was active last.
class Store {
  sessions: Session[] = [];

  constructor(count: number) {
    for (let number = 0; number < count; number += 1) this.sessions.push({ id: id(number), lastActivityAt: id(number), lastSeq: 1, state: 'idle', pinned: false, archived: false } as Session);
  }

  touch(number: number, change: Partial<Session> = {}): void {
    const session = this.sessions.find((each) => each.id === id(number));
    if (session) this.sessions = this.sessions.map((each) => (each === session ? { ...session, lastActivityAt: `z${session.lastSeq}`, lastSeq: session.lastSeq + 1, ...change } : each));
  }

  drop(number: number): void {
    this.sessions = this.sessions.filter((each) => each.id !== id(number));
  }

  async list(wanted: SessionsWanted): Promise<SessionList> {
    const found = this.sessions
      .filter((each) => (!wanted.state || each.state === wanted.state) && (!wanted.pinned || each.pinned) && (!wanted.q || each.id.includes(wanted.q)))
      .sort((one, other) => (one.lastActivityAt < other.lastActivityAt ? 1 : -1));
    const from = wanted.cursor ? found.findIndex((each) => each.id === wanted.cursor) + 1 : 0;
    const page = found.slice(from, from + wanted.limit);
    return { sessions: page, nextCursor: found.length > from + wanted.limit ? (page.at(-1)?.id ?? null) : null };
  }
}

function id(number: number): string {
  return `s${String(number).padStart(4, '0')}`;
}

function pagesOf(store: Store): SessionPages {
  return new SessionPages({ sessions: (wanted) => store.list(wanted) });
}

test('pages are read on until the last one, each session once', async () => {
  const store = new Store(PAGE_SESSIONS * 2 + 50);
  const pages = pagesOf(store);
  expect((await pages.read(''))?.hasMore).toBe(true);
  expect((await pages.more())?.hasMore).toBe(true);
  const known = await pages.more();
  expect([known?.hasMore, known?.sessions.length, new Set(known?.sessions.map((each) => each.id)).size]).toEqual([false, 450, 450]);
  expect(await pages.more()).toBeNull();
});

test('what was read stays when the first page is read again, and what moved up is there once', async () => {
  const store = new Store(PAGE_SESSIONS + 100);
  const pages = pagesOf(store);
  await pages.read('');
  await pages.more();
  store.touch(3);
  const known = await pages.read('');
  expect([known?.sessions[0]?.id, known?.sessions.length, known?.hasMore]).toEqual([id(3), 300, false]);
  expect(known?.sessions.filter((each) => each.id === id(3))).toHaveLength(1);
});

test('a session that went away is dropped from the first page by reading, and from another one when it is said', async () => {
  const store = new Store(PAGE_SESSIONS + 100);
  const pages = pagesOf(store);
  await pages.read('');
  await pages.more();
  store.drop(299);
  store.drop(5);
  expect((await pages.read(''))?.sessions.some((each) => each.id === id(299))).toBe(false);
  expect(pages.forget(id(5)).sessions.some((each) => each.id === id(5))).toBe(false);
});

test('a session that waits or is pinned is known before its page is read', async () => {
  const store = new Store(PAGE_SESSIONS * 2);
  store.sessions = store.sessions.map((each) => (each.id === id(1) ? { ...each, state: 'waiting' } : each.id === id(2) ? { ...each, pinned: true } : each));
  const known = await pagesOf(store).read('');
  expect(known?.waiting.map((each) => each.id)).toEqual([id(1)]);
  expect(known?.sessions.slice(-2).map((each) => each.id)).toEqual([id(2), id(1)]);
});

test('a filter keeps what waits known, and lists only what fits', async () => {
  const store = new Store(20);
  store.touch(7, { state: 'waiting' });
  const pages = pagesOf(store);
  await pages.read('');
  const known = await pages.read('s0011');
  expect([known?.sessions.map((each) => each.id), known?.waiting.map((each) => each.id)]).toEqual([[id(11)], [id(7)]]);
});

test('an answer for words that were changed meanwhile is dropped', async () => {
  const pages = pagesOf(new Store(20));
  const [first, second] = await Promise.all([pages.read('s0001'), pages.read('s0002')]);
  expect([first, second?.sessions.map((each) => each.id)]).toEqual([null, [id(2)]]);
});
