import { expect, test } from 'vitest';
import { folderName, folderOf, recentFolders, shortPath, typedPath } from './folder_names';
import type { Session } from './protocol';

const HOME = '/home/ada';

test.each([
  ['/home/ada', '~'],
  ['/home/ada/code', '~/code'],
  ['/home/ada/code/api', '~/code/api'],
  ['/home/adam/code', '/home/adam/code'],
  ['/home/ada/work/clients/acme/web', '…/clients/acme/web'],
  ['/', '/'],
])('%s is shown as %s', (path, shown) => expect(shortPath(path, HOME)).toBe(shown));

test('before the home folder is known, the path is shown as it is', () => expect(shortPath('/home/ada/code', '')).toBe('/home/ada/code'));

test.each([
  ['/a/b', 'b'],
  ['/a/b/', 'b'],
  ['/', '/'],
])('the name of %s is %s', (path, name) => expect(folderName(path)).toBe(name));

const session = (fields: Partial<Session>) => ({ id: 'abc', cwd: '/code/api', worktree: null, ...fields }) as Session;

test('a session in a worktree belongs to its repository, and one in an empty folder to none', () => {
  expect(folderOf(session({}))).toBe('/code/api');
  expect(folderOf(session({ worktree: { path: '/x', branch: 'b', repository: '/code/web', base: 'c' } }))).toBe('/code/web');
  expect(folderOf(session({ cwd: '/home/ada/.config/opta/workspaces/abc' }))).toBe('');
});

test('recent folders are named once, the last used first', () => {
  expect(recentFolders([session({ cwd: '/b' }), session({ cwd: '/a' }), session({ cwd: '/b' }), session({ cwd: '/c' })], 2)).toEqual(['/b', '/a']);
});

test.each([
  ['/home/ada/co', { path: '/home/ada', prefix: 'co' }],
  ['/home/ada/', { path: '/home/ada', prefix: '' }],
  ['/et', { path: '/', prefix: 'et' }],
  ['~/co', { path: '~', prefix: 'co' }],
  ['~', { path: '~', prefix: '' }],
  ['co', { path: '', prefix: 'co' }],
])('what is typed as %s asks for a folder', (typed, asked) => expect(typedPath(typed)).toEqual(asked));
