import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { dropWorktree, keepWorktree, leaveWorktree, mergeWorktree } from '../../actions/worktrees';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { ignoreHeld, useSettled } from '../../ui/settled';
import styles from './worktree.module.css';

// Where the session works when that is a git worktree, and how it ends. What would lose work is asked about first.
export function WorktreePanel(): ReactNode {
  const words = useWords('worktree');
  const worktree = usePageState((state) => state.transcript.worktree);
  const asked = usePageState((state) => state.worktreeAsked);
  const isSettled = useSettled(asked?.message ?? '');
  if (!worktree) return null;
  const state = worktree.state ?? 'open';
  const isOver = state === 'merged' || state === 'dropped';
  return (
    <section className={styles.worktree} aria-label={words('title')} onKeyDown={ignoreHeld}>
      <p>
        <span className="violet">⎇ {worktree.branch}</span>{' '}
        <code className="exact dim">
          <Exact text={worktree.path} />
        </code>{' '}
        {state === 'open' ? null : <span className="dim">{words(`states.${state}`)}</span>}
      </p>
      {worktree.left?.length && state === 'open' ? <p className="dim">{words('left', { count: worktree.left.length })}</p> : null}
      {isOver ? <p className="dim">{words('over')}</p> : null}
      {asked ? (
        <div role="alertdialog" aria-label={words(`confirm.${asked.action}`)}>
          <p className="warn exact">
            <Exact text={asked.message} />
          </p>
          <div className={styles.buttons}>
            {isSettled ? (
              <ActionButton action={asked.action === 'merge' ? mergeWorktree : dropWorktree} argument>
                {words(`anyway.${asked.action}`)}
              </ActionButton>
            ) : null}
            <ActionButton action={leaveWorktree} argument={undefined} className="primary" />
          </div>
        </div>
      ) : isOver ? null : (
        <div className={styles.buttons}>
          <ActionButton action={mergeWorktree} argument={false} title={words('mergeTitle', { branch: worktree.baseBranch || words('noBranch') })} />
          <ActionButton action={keepWorktree} argument={undefined} title={words('keepTitle')} />
          <ActionButton action={dropWorktree} argument={false} title={words('dropTitle')} />
        </div>
      )}
    </section>
  );
}
