import type { ReactNode } from 'react';
import { useFormatter } from 'use-intl';
import { perform } from '../../actions/action';
import { foldFolder, newSessionIn } from '../../actions/sessions';
import { folderName, shortPath } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { IconButton } from '../../ui/kit/button';
import { classes } from '../../ui/kit/classes';
import { useHome } from '../folders/home';
import styles from './rail.module.css';
import type { Row } from './rows';

// Above the sessions of a group. A folder can be folded away, and gets new sessions from here.
export function GroupHeading({ row: { group, count, isClosed } }: { row: Extract<Row, { kind: 'heading' }> }): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const format = useFormatter();
  const home = useHome();
  const isElsewhere = usePageState((state) => group.by === 'folder' && state.transcript.cwd !== group.folder);
  if (group.by !== 'folder') {
    const label = group.by === 'month' ? format.dateTime(group.month, { month: 'long', year: 'numeric' }) : words(`groups.${group.by}`);
    return <h3 className={classes(styles.heading, group.by === 'waiting' && styles.waiting)}>{label}</h3>;
  }
  const name = group.folder ? folderName(shortPath(group.folder, home)) : words('groups.noFolder');
  return (
    <div className={styles.folder}>
      <h3>
        <button type="button" className={styles.fold} aria-expanded={!isClosed} title={group.folder} onClick={() => void perform(page, foldFolder, group.folder)}>
          <span aria-hidden="true">{isClosed ? '▸' : '▾'}</span> <span className={isElsewhere ? styles.folderName : `${styles.folderName} violet`}>{name}</span>
          {isClosed ? <span className={styles.count}>{count}</span> : null}
        </button>
      </h3>
      {group.folder ? (
        <IconButton size="small" className={styles.add} label={words('groups.newHere', { folder: name })} onClick={() => void perform(page, newSessionIn, group.folder)}>
          +
        </IconButton>
      ) : null}
    </div>
  );
}
