// What a call did to files, one entry a file: a file that was deleted and created elsewhere with the same content was renamed.

import type { Change } from '../../protocol';

export type Did = 'created' | 'deleted' | 'renamed' | 'changed' | 'mode';

export interface PathChange {
  path: string;
  // Of a renamed file.
  from: string;
  did: Did;
  diff: string;
  // Octal, '' where there was none or it did not change.
  modes: [before: string, after: string] | null;
  isFolder: boolean;
}

// Of a folder: 40700 as tools write it, 040000 as git does.
const FOLDER = /^0?4\d{4}$/;

export function pathChanges(changes: readonly Change[]): PathChange[] {
  const gone = changes.filter((change) => isGone(change) && change.before);
  const taken = new Set<Change>();
  const found: PathChange[] = [];
  for (const change of changes) {
    const source = isNew(change) && change.after ? gone.find((other) => other.before === change.after && !taken.has(other)) : undefined;
    if (source) taken.add(source);
    found.push({ path: change.path, from: source?.path ?? '', did: source ? 'renamed' : didOf(change), diff: source ? '' : (change.diff ?? ''), modes: modesOf(change), isFolder: FOLDER.test(change.afterMode || change.beforeMode || '') });
  }
  const sources = new Set([...taken].map((change) => change.path));
  // A folder that comes or goes with what is in it is no news.
  const isImplied = (each: PathChange) => each.isFolder && found.some((other) => other.path.startsWith(`${each.path}/`));
  return found.filter((each) => !isImplied(each) && !(each.did === 'deleted' && sources.has(each.path)));
}

function isNew(change: Change): boolean {
  return !change.before && !change.beforeMode && Boolean(change.after || change.afterMode);
}

function isGone(change: Change): boolean {
  return !change.after && !change.afterMode && Boolean(change.before || change.beforeMode);
}

function didOf(change: Change): Did {
  if (isNew(change)) return 'created';
  if (isGone(change)) return 'deleted';
  return change.before === change.after && !change.diff && modesOf(change) ? 'mode' : 'changed';
}

function modesOf({ beforeMode = '', afterMode = '' }: Change): [string, string] | null {
  return beforeMode && afterMode && beforeMode !== afterMode && !FOLDER.test(afterMode) ? [beforeMode, afterMode] : null;
}
