import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { dropWorktree, keepWorktree, leaveWorktree, mergeWorktree } from '../../actions/worktrees';
import { usePageState } from '../../hooks';
import { Exact } from '../../ui/exact';
import { ignoreHeld, useSettled } from '../../ui/settled';

// Where the session works when that is a git worktree, and how it ends. What would lose work is asked about first.
export function WorktreePanel(): ReactNode {
  const worktree = usePageState((state) => state.transcript.worktree);
  const asked = usePageState((state) => state.worktreeAsked);
  const isSettled = useSettled(asked?.message ?? '');
  if (!worktree) return null;
  const state = worktree.state ?? 'open';
  const isOver = state === 'merged' || state === 'dropped';
  return (
    <section className="worktree" aria-label="Worktree" onKeyDown={ignoreHeld}>
      <p>
        <span className="violet">⎇ {worktree.branch}</span>{' '}
        <code className="exact dim">
          <Exact text={worktree.path} />
        </code>{' '}
        {state === 'open' ? null : <span className="dim">{state}</span>}
      </p>
      {worktree.left?.length && state === 'open' ? <p className="dim">Without {worktree.left.length} uncommitted changes of the repository.</p> : null}
      {isOver ? <p className="dim">Its folder is gone. Start a new session to go on.</p> : null}
      {asked ? (
        <div role="alertdialog" aria-label={`${asked.action} the worktree?`}>
          <p className="warn exact">
            <Exact text={asked.message} />
          </p>
          <div className="buttons">
            {isSettled ? (
              <ActionButton action={asked.action === 'merge' ? mergeWorktree : dropWorktree} argument>
                {asked.action === 'merge' ? 'Merge all the same' : 'Drop all the same'}
              </ActionButton>
            ) : null}
            <ActionButton action={leaveWorktree} argument={undefined} className="primary" />
          </div>
        </div>
      ) : isOver ? null : (
        <div className="buttons">
          <ActionButton action={mergeWorktree} argument={false} title={`Into ${worktree.baseBranch || 'the checked-out commit'}, and remove the worktree`} />
          <ActionButton action={keepWorktree} argument={undefined} title="It stays as it is, with its branch" />
          <ActionButton action={dropWorktree} argument={false} title="Remove it with its branch" />
        </div>
      )}
    </section>
  );
}
