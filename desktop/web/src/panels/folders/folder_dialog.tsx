// Where a session works: recent folders, a path that is typed, or a folder that is looked for.

import { useQuery } from '@tanstack/react-query';
import { type KeyboardEvent, type ReactNode, useDeferredValue, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { chooseFolder, closeFolders } from '../../actions/folders';
import { folderFor, recentFolders, shortPath, typedPath } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import { foldersQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Dialog } from '../../ui/kit/dialog';
import { FolderRow } from './folder_row';
import styles from './folders.module.css';
import { useHome } from './home';

const RECENT_MAX = 5;

export function FolderDialog(): ReactNode {
  const page = usePage();
  const words = useWords('folders');
  const asked = usePageState((state) => state.folderAsked);
  return (
    <Dialog isOpen={asked !== null} onClose={() => void perform(page, closeFolders, undefined)} title={words(`titles.${asked ?? 'new'}`)} description={words('words')}>
      {asked === null ? null : <Chooser />}
    </Dialog>
  );
}

function Chooser(): ReactNode {
  const page = usePage();
  const words = useWords('folders');
  const home = useHome();
  const start = usePageState(folderFor);
  const problem = usePageState((state) => state.problem);
  // What is typed; before anything is, the parent of the folder in use.
  const [typed, setTyped] = useState(() => (start ? `${start.slice(0, start.lastIndexOf('/'))}/` : '~/'));
  const [isBusy, setBusy] = useState(false);
  const path = typed.trim().replace(/(.)\/+$/, '$1');
  const choose = async (folder: string) => {
    setBusy(true);
    await perform(page, chooseFolder, folder);
    setBusy(false);
  };
  const found = useQuery({ ...foldersQuery(page.daemon, path), enabled: path !== '' });
  const said = problem || found.data?.problem || '';
  return (
    <>
      <Recent onUse={choose} home={home} />
      <Browser typed={typed} onType={setTyped} onUse={choose} />
      {said ? (
        <p className="err" role="alert">
          {said}
        </p>
      ) : null}
      {found.data?.warning ? <p className={styles.warning}>{found.data.warning}</p> : null}
      <div className={styles.buttons}>
        <Button look="quiet" title={words('withoutHint')} disabled={isBusy} onClick={() => void choose('')}>
          {words('without')}
        </Button>
        <span className="grow" />
        <Button onClick={() => void perform(page, closeFolders, undefined)}>{words('cancel')}</Button>
        <Button look="primary" disabled={isBusy || !found.data || found.data.problem !== ''} onClick={() => void choose(found.data?.path ?? path)}>
          {words('useThis')}
        </Button>
      </div>
    </>
  );
}

function Recent({ home, onUse }: { home: string; onUse(folder: string): void }): ReactNode {
  const words = useWords('folders');
  const sessions = usePageState((state) => state.sessions);
  const recent = recentFolders(sessions, RECENT_MAX);
  if (!recent.length) return null;
  return (
    <section aria-label={words('recent')}>
      <h3 className={styles.heading}>{words('recent')}</h3>
      <ul className={styles.recent}>
        {recent.map((path) => (
          <li key={path}>
            <Button size="small" title={path} onClick={() => onUse(path)}>
              {shortPath(path, home)}
            </Button>
          </li>
        ))}
      </ul>
    </section>
  );
}

// A path that completes: the list shows the folders whose names begin with what was typed last. Enter in the list opens a folder.
function Browser({ typed, onType, onUse }: { typed: string; onType(path: string): void; onUse(folder: string): void }): ReactNode {
  const page = usePage();
  const words = useWords('folders');
  const home = useHome();
  const [withHidden, setHidden] = useState(false);
  const list = useRef<HTMLUListElement>(null);
  const field = useRef<HTMLInputElement>(null);
  const { path, prefix } = typedPath(useDeferredValue(typed));
  const found = useQuery({ ...foldersQuery(page.daemon, path, prefix, withHidden || prefix.startsWith('.')), placeholderData: (before) => before });
  const folders = found.data?.folders ?? [];
  const open = (folder: string) => {
    onType(folder === '/' ? '/' : `${folder}/`);
    field.current?.focus();
  };
  const rows = () => [...(list.current?.querySelectorAll<HTMLElement>('[data-folder]') ?? [])];
  const onFieldKey = (event: KeyboardEvent) => {
    const first = folders[0];
    if (event.key === 'ArrowDown') rows()[0]?.focus();
    else if (event.key === 'Tab' && !event.shiftKey && prefix && first) open(first.path);
    else if (event.key === 'Enter' && !event.nativeEvent.isComposing && typed.trim()) onUse(typed.trim());
    else return;
    event.preventDefault();
  };
  const onListKey = (event: KeyboardEvent) => {
    const all = rows();
    const at = all.indexOf(event.target as HTMLElement);
    if (at < 0 || !['ArrowDown', 'ArrowUp'].includes(event.key)) return;
    event.preventDefault();
    if (event.key === 'ArrowUp' && at === 0) field.current?.focus();
    else all[at + (event.key === 'ArrowDown' ? 1 : -1)]?.focus();
  };
  const parent = found.data?.parent ?? '';
  return (
    <section className={styles.browser} aria-label={words('path')}>
      <input ref={field} className={styles.path} dir="ltr" aria-label={words('path')} placeholder={words('placeholder')} value={typed} spellCheck={false} autoComplete="off" onChange={(event) => onType(event.target.value)} onKeyDown={onFieldKey} />
      <ul ref={list} className={styles.list} aria-label={words('inside', { path: shortPath(found.data?.path ?? path, home) })} aria-busy={found.isFetching} onKeyDown={onListKey}>
        {parent && !prefix ? (
          <li className={styles.row}>
            <button type="button" data-folder="" className={styles.name} aria-label={words('up', { path: parent })} onClick={() => open(parent)}>
              ‹ {shortPath(parent, home)}
            </button>
          </li>
        ) : null}
        {folders.map((folder) => (
          <FolderRow key={folder.path} folder={folder} onOpen={() => open(folder.path)} onUse={() => onUse(folder.path)} />
        ))}
      </ul>
      <p className="dim" role="status">
        {said()}
      </p>
      <label className={styles.hidden}>
        <input type="checkbox" checked={withHidden} onChange={() => setHidden(!withHidden)} /> {words('hidden')}
      </label>
    </section>
  );

  function said(): string {
    if (found.error) return found.error.message;
    if (!found.data) return words('reading');
    if (found.data.isCut) return words('cut');
    if (!folders.length) return prefix ? words('noneFits', { prefix }) : words('empty');
    return '';
  }
}
