import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { askFolder, beginIn } from '../../actions/folders';
import { shortPath } from '../../folder_names';
import { usePage } from '../../hooks';
import { suggestedFoldersQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { useHome } from '../folders/home';
import styles from './first_run.module.css';

const SHOWN_MAX = 4;

// Repositories near the home folder, one click each, and the dialog for any other folder.
export function FolderStep(): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const home = useHome();
  const suggested = useQuery(suggestedFoldersQuery(page.daemon)).data?.folders.slice(0, SHOWN_MAX) ?? [];
  const other = (
    <Button look={suggested.length ? 'plain' : 'primary'} className={styles.begin} onClick={() => void perform(page, askFolder, 'new')}>
      {words(suggested.length ? 'folder.browse' : 'folder.choose')}
    </Button>
  );
  return (
    <>
      <p className="dim">{words('folder.words')}</p>
      {suggested.length ? (
        <ul className={styles.choices} aria-label={words('folder.repositories')}>
          {suggested.map(({ path }) => (
            <li key={path}>
              <Button title={path} className={styles.path} onClick={() => void perform(page, beginIn, path)}>
                {shortPath(path, home)}
              </Button>
            </li>
          ))}
          <li>{other}</li>
        </ul>
      ) : (
        other
      )}
    </>
  );
}
