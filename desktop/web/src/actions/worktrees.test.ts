import { expect, test } from 'vitest';
import type { Worktree } from '../protocol';
import { testBench } from '../testing/page';
import { perform } from './action';
import { writeDraft } from './composer';
import { submitTurn } from './turns';
import { dropWorktree, keepWorktree, leaveWorktree, mergeWorktree, toggleWorktree } from './worktrees';

const bench = testBench();
const WORKTREE: Worktree = { path: '/work.worktrees/fix', branch: 'opta/fix', repository: '/work', base: '01', baseBranch: 'main' };
const PATH = 'POST /v3/sessions/sid1/worktree';

async function inWorktree(): Promise<void> {
  const { id } = bench.gateway.addSession();
  bench.gateway.append(id, { event: 'session.start', title: '', cwd: '/work.worktrees/fix', mode: 'do', level: 'L2', worktree: WORKTREE });
  await bench.start(id);
  await bench.pass();
}

test('the first message of a session can begin it in a worktree', async () => {
  bench.gateway.addSession({ mode: 'do' });
  await bench.start('sid1');
  await bench.pass();
  expect(toggleWorktree.when(bench.page.state)).toBe(true);
  await perform(bench.page, toggleWorktree, undefined);
  await perform(bench.page, writeDraft, 'Fix the login');
  expect(await perform(bench.page, submitTurn, undefined)).toBe(true);
  expect(bench.gateway.posted(/^\/v3\/sessions$/)).toEqual([{ mode: 'do', cwd: '/work', worktree: true, worktreeName: 'Fix the login' }]);
  expect(bench.page.state.selected).toBe('sid2');
  expect(bench.gateway.posted(/sid2\/turns$/)[0]?.text).toBe('Fix the login');
  expect(bench.gateway.requests.some((request) => request.method === 'DELETE' && request.path === '/v3/sessions/sid1')).toBe(true);
  expect([bench.page.state.wantsWorktree, bench.page.state.drafts.sid2]).toEqual([false, '']);
});

test('a folder without a repository says so, and keeps the message', async () => {
  bench.gateway.addSession();
  await bench.start('sid1');
  await bench.pass();
  await perform(bench.page, toggleWorktree, undefined);
  await perform(bench.page, writeDraft, 'Fix it');
  bench.gateway.refusals['POST /v3/sessions'] = [409, 'conflict', '/work is not in a git repository.'];
  expect(await perform(bench.page, submitTurn, undefined)).toBe(false);
  expect([bench.page.state.problem, bench.page.state.drafts.sid1, bench.page.state.selected]).toEqual(['/work is not in a git repository.', 'Fix it', 'sid1']);
  expect(bench.gateway.requests.some((request) => request.method === 'DELETE')).toBe(false);
});

test('a worktree is merged, kept and dropped', async () => {
  await inWorktree();
  bench.gateway.answers[PATH] = { worktree: WORKTREE, commit: '02', into: 'main', files: [{ path: 'a', change: 'added' }], note: '' };
  expect(await perform(bench.page, mergeWorktree, false)).toBe(true);
  expect(bench.page.state.notice).toBe('Merged into main: 1 file.');
  await perform(bench.page, keepWorktree, undefined);
  expect(bench.gateway.posted(/worktree$/)).toEqual([{ action: 'merge' }, { action: 'keep' }]);
  bench.gateway.append('sid1', { event: 'session.worktree', state: 'kept' });
  await bench.pass();
  expect([keepWorktree.when(bench.page.state), mergeWorktree.when(bench.page.state, false)]).toEqual([false, true]);
  bench.gateway.append('sid1', { event: 'session.worktree', state: 'merged' });
  await bench.pass();
  expect([mergeWorktree.when(bench.page.state, false), dropWorktree.when(bench.page.state, false), toggleWorktree.when(bench.page.state)]).toEqual([false, false, false]);
});

test('what would lose work is asked about first', async () => {
  await inWorktree();
  bench.gateway.refusals[PATH] = [409, 'conflict', 'It holds 1 commit.', { needsForce: true }];
  expect(await perform(bench.page, dropWorktree, false)).toBe(true);
  expect(bench.page.state.worktreeAsked).toEqual({ action: 'drop', message: 'It holds 1 commit.' });
  await perform(bench.page, leaveWorktree, undefined);
  expect(bench.page.state.worktreeAsked).toBeNull();
  await perform(bench.page, dropWorktree, false);
  bench.gateway.refusals = {};
  bench.gateway.answers[PATH] = { worktree: WORKTREE, commit: '02', into: '', files: [], note: '' };
  await perform(bench.page, dropWorktree, true);
  expect(bench.gateway.posted(/worktree$/).at(-1)).toEqual({ action: 'drop', force: true });
  expect([bench.page.state.worktreeAsked, bench.page.state.notice]).toEqual([null, 'The worktree was dropped.']);
  // Any other refusal is a problem.
  bench.gateway.refusals[PATH] = [409, 'conflict', 'a.txt conflicts.'];
  expect(await perform(bench.page, mergeWorktree, false)).toBe(false);
  expect(bench.page.state.problem).toBe('a.txt conflicts.');
});
