// In the header: where the session works, with what can be done about it.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { askFolder, mayChange } from '../../actions/folders';
import { newSessionIn } from '../../actions/sessions';
import { folderFor, isEmptyFolder, openFolder, shortPath } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Menu, MenuItem } from '../../ui/kit/menu';
import styles from './folders.module.css';
import { useHome } from './home';

export function FolderMark(): ReactNode {
  const page = usePage();
  const words = useWords('folders');
  const home = useHome();
  const path = usePageState(openFolder);
  const isEmpty = usePageState((state) => isEmptyFolder(openFolder(state), state.selected));
  const isFree = usePageState(mayChange);
  const selected = usePageState((state) => state.selected);
  const isRead = usePageState((state) => state.sessionsRead);
  if (!path)
    return isRead && !selected ? (
      <button type="button" className={styles.folder} onClick={() => void perform(page, askFolder, 'new')}>
        {words('mark.choose')}
      </button>
    ) : null;
  const trigger = (
    <button type="button" className={styles.folder} title={path} aria-label={words('mark.label', { path: isEmpty ? words('mark.none') : path })}>
      {isEmpty ? words('mark.none') : shortPath(path, home)} <span aria-hidden="true">▾</span>
    </button>
  );
  return (
    <Menu trigger={trigger}>
      <MenuItem disabled={!isFree} hint={isFree ? undefined : words('mark.isTied')} onSelect={() => void perform(page, askFolder, 'change')}>
        {words('mark.change')}
      </MenuItem>
      {isEmpty ? null : <MenuItem onSelect={() => void perform(page, newSessionIn, folderFor(page.state))}>{words('mark.newHere')}</MenuItem>}
      <MenuItem onSelect={() => void perform(page, askFolder, 'new')}>{words('mark.newElsewhere')}</MenuItem>
      <MenuItem onSelect={() => void navigator.clipboard.writeText(path).catch((error: unknown) => page.report(error))}>{words('mark.copy')}</MenuItem>
    </Menu>
  );
}
