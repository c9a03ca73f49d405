import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import { FileDiff } from '../../ui/diff_file';
import { line } from '../../visible';
import type { PathChange } from './changed_paths';
import styles from './toolcard.module.css';

// What a call did to files: each with what happened to it, and its diff.
export function CallChanges({ changes, subject }: { changes: readonly PathChange[]; subject: string }): ReactNode {
  return changes.map((change) => (
    <div key={change.path}>
      {changes.length === 1 && change.did === 'changed' && change.path === subject && !change.modes ? null : (
        <p className={styles.path}>
          <ChangeWords change={change} />
        </p>
      )}
      {change.diff ? <FileDiff text={change.diff} name={change.path} /> : null}
    </div>
  ));
}

// In words: created, renamed from, the mode before and after.
export function ChangeWords({ change }: { change: PathChange }): ReactNode {
  const words = useWords('cards');
  return (
    <>
      <span className="dim">{words(`did.${change.did}`)}{change.isFolder ? ` ${words('folder')}` : ''}</span> <code>{line(change.path)}</code>
      {change.from ? <span className="dim"> {words('from', { path: line(change.from) })}</span> : null}
      {change.modes ? <span className="dim"> {words('mode', { before: change.modes[0], after: change.modes[1] })}</span> : null}
    </>
  );
}
