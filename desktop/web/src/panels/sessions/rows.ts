// What the list of sessions shows, from top to bottom: who waits for the person, what is pinned, then the others by folder or by date.

import { folderOf } from '../../folder_names';
import type { Session } from '../../protocol';
import type { Grouping } from '../../remembered';

export type Group =
  | { by: 'waiting' | 'pinned' | 'today' | 'yesterday' | 'week' | 'older' }
  // The first moment of the month.
  | { by: 'month'; month: Date }
  // '' for sessions without a folder.
  | { by: 'folder'; folder: string };

export type Row =
  | { kind: 'heading'; key: string; group: Group; count: number; isClosed: boolean }
  | { kind: 'session'; key: string; session: Session; isChild: boolean }
  // Under a session whose sub-agents are listed: there are none, or they are being read.
  | { kind: 'no-children'; key: string; isReading: boolean }
  | { kind: 'more'; key: string };

export interface Listed {
  sessions: readonly Session[];
  grouping: Grouping;
  closedFolders: readonly string[];
  // Sub-agents of the sessions whose sub-agents are shown; undefined while they are read.
  children: ReadonlyMap<string, readonly Session[] | undefined>;
  hasMore: boolean;
  now: Date;
}

const DAY_MS = 86_400_000;

export function railRows({ sessions, grouping, closedFolders, children, hasMore, now }: Listed): Row[] {
  const waiting = sessions.filter(({ state }) => state === 'waiting');
  const pinned = sessions.filter(({ state, pinned: isPinned }) => isPinned && state !== 'waiting');
  const others = sessions.filter(({ state, pinned: isPinned }) => !isPinned && state !== 'waiting');
  const rows: Row[] = [];
  const add = (group: Group, members: readonly Session[]) => {
    if (!members.length) return;
    const isClosed = group.by === 'folder' && closedFolders.includes(group.folder);
    rows.push({ kind: 'heading', key: keyOf(group), group, count: members.length, isClosed });
    for (const session of isClosed ? [] : members) {
      rows.push({ kind: 'session', key: session.id, session, isChild: false });
      if (children.has(session.id)) rows.push(...below(session.id, children.get(session.id)));
    }
  };
  add({ by: 'waiting' }, waiting);
  add({ by: 'pinned' }, pinned);
  for (const [group, members] of grouping === 'folder' ? byFolder(others) : byDate(others, now)) add(group, members);
  if (hasMore) rows.push({ kind: 'more', key: 'more' });
  return rows;
}

function below(sid: string, children: readonly Session[] | undefined): Row[] {
  if (!children?.length) return [{ kind: 'no-children', key: `${sid}/none`, isReading: !children }];
  return children.map((session) => ({ kind: 'session', key: `${sid}/${session.id}`, session, isChild: true }));
}

// Folders in the order of their newest sessions.
function byFolder(sessions: readonly Session[]): [Group, Session[]][] {
  const found = new Map<string, Session[]>();
  for (const session of sessions) {
    const folder = folderOf(session);
    found.set(folder, [...(found.get(folder) ?? []), session]);
  }
  return [...found].map(([folder, members]) => [{ by: 'folder', folder }, members]);
}

function byDate(sessions: readonly Session[], now: Date): [Group, Session[]][] {
  const found = new Map<string, [Group, Session[]]>();
  for (const session of sessions) {
    const group = dateGroup(new Date(session.lastActivityAt), now);
    const key = keyOf(group);
    found.set(key, [group, [...(found.get(key)?.[1] ?? []), session]]);
  }
  return [...found.values()];
}

// By the days of the person's calendar.
function dateGroup(at: Date, now: Date): Group {
  const midnight = new Date(now.getFullYear(), now.getMonth(), now.getDate()).getTime();
  const time = at.getTime();
  if (Number.isNaN(time)) return { by: 'older' };
  if (time >= midnight) return { by: 'today' };
  if (time >= midnight - DAY_MS) return { by: 'yesterday' };
  if (time >= midnight - 7 * DAY_MS) return { by: 'week' };
  return { by: 'month', month: new Date(at.getFullYear(), at.getMonth(), 1) };
}

function keyOf(group: Group): string {
  if (group.by === 'folder') return `folder ${group.folder}`;
  return group.by === 'month' ? `month ${group.month.getFullYear()}-${group.month.getMonth()}` : group.by;
}
