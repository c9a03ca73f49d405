import type { ReactNode } from 'react';
import type { Folder } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import styles from './folders.module.css';

// A folder that can be looked into, or used as it is.
export function FolderRow({ folder, onOpen, onUse }: { folder: Folder; onOpen(): void; onUse(): void }): ReactNode {
  const words = useWords('folders');
  return (
    <li className={styles.row}>
      <button type="button" data-folder={folder.path} className={styles.name} aria-label={words('open', { name: folder.name })} onClick={onOpen}>
        {folder.name}
      </button>
      {folder.isRepository ? <span className={styles.mark}>{words('repository')}</span> : null}
      <Button size="small" aria-label={words('useNamed', { name: folder.name })} onClick={onUse}>
        {words('use')}
      </Button>
    </li>
  );
}
