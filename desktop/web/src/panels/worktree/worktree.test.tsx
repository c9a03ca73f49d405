// @vitest-environment jsdom
import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { SETTLE_MS } from '../../ui/settled';
import { Composer } from '../composer/composer';
import { WorktreePanel } from './worktree';

const bench = testBench();
const WORKTREE = { path: '/work.worktrees/fix', branch: 'opta/fix', repository: '/work', base: '01', baseBranch: 'main', left: ['a', 'b'] };

test('the switch of the composer is for a session that has not begun', async () => {
  bench.gateway.addSession();
  await bench.start('sid1');
  const user = bench.draw(<Composer />);
  await bench.pass();
  await user.click(screen.getByRole('checkbox', { name: 'Worktree' }));
  expect(bench.page.state.wantsWorktree).toBe(true);
  bench.gateway.append('sid1', { event: 'turn.start', turn: 't1', role: 'user', text: 'go', mode: 'chat', level: 'L1' });
  await bench.pass();
  expect(screen.queryByRole('checkbox', { name: 'Worktree' })).toBeNull();
});

test('the panel names the worktree, asks before work is lost, and says when it is over', async () => {
  bench.gateway.addSession();
  bench.gateway.append('sid1', { event: 'session.start', title: '', cwd: WORKTREE.path, mode: 'do', level: 'L2', worktree: WORKTREE });
  await bench.start('sid1');
  const user = bench.draw(<WorktreePanel />);
  await bench.pass();
  expect(screen.getByRole('region', { name: 'Worktree' }).textContent).toContain('/work.worktrees/fix');
  expect(screen.getByText('Without 2 uncommitted changes of the repository.')).toBeDefined();
  bench.gateway.refusals['POST /v3/sessions/sid1/worktree'] = [409, 'conflict', 'It holds 1 commit.', { needsForce: true }];
  await user.click(screen.getByRole('button', { name: 'Drop' }));
  await bench.pass(SETTLE_MS);
  expect(screen.getByRole('alertdialog').textContent).toContain('It holds 1 commit.');
  await user.click(screen.getByRole('button', { name: 'Drop all the same' }));
  expect(bench.gateway.posted(/worktree$/).at(-1)).toEqual({ action: 'drop', force: true });
  bench.gateway.append('sid1', { event: 'session.worktree', state: 'dropped' });
  await bench.pass();
  await user.click(screen.getByRole('button', { name: 'Cancel' }));
  expect(screen.getByText('Its folder is gone. Start a new session to go on.')).toBeDefined();
  expect(screen.queryByRole('button', { name: 'Merge' })).toBeNull();
});
