import { expect, test } from 'vitest';
import type { Session } from '../../protocol';
import { type Listed, railRows } from './rows';

const NOW = new Date(2026, 2, 15, 12);
const ago = (days: number) => new Date(NOW.getTime() - days * 86_400_000).toISOString();
const session = (id: string, fields: Partial<Session> = {}) => ({ id, cwd: '/a', state: 'idle', pinned: false, lastActivityAt: ago(0), worktree: null, ...fields }) as Session;

function shown(sessions: Session[], more: Partial<Listed> = {}): string[] {
  const rows = railRows({ sessions, grouping: 'folder', closedFolders: [], children: new Map(), hasMore: false, now: NOW, ...more });
  return rows.map((row) => {
    if (row.kind === 'heading') return `# ${row.key} ${row.count}`;
    return row.kind === 'session' ? `${row.isChild ? '- ' : ''}${row.session.id}` : row.kind;
  });
}

test('who waits is first, then what is pinned, then folders in the order of their newest sessions; each session once', () => {
  const sessions = [session('a'), session('b', { cwd: '/b', state: 'waiting', pinned: true }), session('c', { cwd: '/c' }), session('d', { pinned: true }), session('e')];
  expect(shown(sessions)).toEqual(['# waiting 1', 'b', '# pinned 1', 'd', '# folder /a 2', 'a', 'e', '# folder /c 1', 'c']);
});

test('by date they are under the days of the calendar, and under months before that', () => {
  const sessions = [session('a', { lastActivityAt: ago(0.1) }), session('b', { lastActivityAt: ago(0.6) }), session('c', { lastActivityAt: ago(3) }), session('d', { lastActivityAt: ago(40) }), session('e', { lastActivityAt: ago(45) }), session('f', { lastActivityAt: '' })];
  expect(shown(sessions, { grouping: 'date' })).toEqual(['# today 1', 'a', '# yesterday 1', 'b', '# week 1', 'c', '# month 2026-1 1', 'd', '# month 2026-0 1', 'e', '# older 1', 'f']);
});

test('a folded folder shows how many sessions it has', () => {
  expect(shown([session('a'), session('b')], { closedFolders: ['/a'] })).toEqual(['# folder /a 2']);
});

test('sub-agents are under their session, when they are asked for', () => {
  const children = new Map([
    ['a', [session('x'), session('y')]],
    ['b', []],
    ['c', undefined],
  ]);
  expect(shown([session('a'), session('b'), session('c')], { children })).toEqual(['# folder /a 3', 'a', '- x', '- y', 'b', 'no-children', 'c', 'no-children']);
});

test('where there is more, the list says so at its end', () => {
  expect(shown([session('a')], { hasMore: true }).at(-1)).toBe('more');
});
