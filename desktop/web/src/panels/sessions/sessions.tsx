// The list of sessions: search, what is listed, the rows, and the button for a new one.

import { type ReactNode, useEffect, useRef } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { filterSessions, groupSessions, leaveTrashed, newSession, restoreSession, showRailView } from '../../actions/sessions';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { useKeptFocus } from '../../ui/kept_focus';
import { Button, IconButton } from '../../ui/kit/button';
import { Menu, MenuChoices } from '../../ui/kit/menu';
import { PutAwayList } from './put_away_list';
import styles from './rail.module.css';
import { SessionList } from './session_list';

export function Sessions(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const filter = usePageState((state) => state.filter);
  const view = usePageState((state) => state.railView);
  const rail = useRef<HTMLElement>(null);
  // The row that takes the Tab key, or the next session of the trash.
  const kept = useKeptFocus(rail, ['[data-row][tabindex="0"]', 'li button']);
  return (
    <nav ref={rail} className={styles.rail} aria-label={words('label')} {...kept}>
      <div className={styles.top}>
        {view === 'sessions' ? (
          <input
            type="search"
            aria-label={words('search')}
            placeholder={words('search')}
            data-focus="search"
            value={filter}
            onChange={(event) => void perform(page, filterSessions, event.target.value)}
          />
        ) : (
          <>
            <Button size="small" look="quiet" onClick={() => void perform(page, showRailView, 'sessions')}>
              ‹ {words('views.back')}
            </Button>
            <h2 className={styles.view}>{words(`views.${view}`)}</h2>
          </>
        )}
        <ViewMenu />
      </div>
      {view === 'sessions' ? <SessionList /> : <PutAwayList key={view} where={view} />}
      <Trashed />
      <ActionButton action={newSession} argument={undefined} className={styles.new}>
        + {words('newSession')}
      </ActionButton>
    </nav>
  );
}

function ViewMenu(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const view = usePageState((state) => state.railView);
  const grouping = usePageState((state) => state.remembered.grouping);
  return (
    <Menu trigger={<IconButton label={words('views.menu')}>⋯</IconButton>} align="end">
      <MenuChoices
        label={words('views.group')}
        value={grouping}
        onChoose={(chosen) => void perform(page, groupSessions, chosen)}
        options={[
          { value: 'folder', label: words('views.folder') },
          { value: 'date', label: words('views.date') },
        ]}
      />
      <MenuChoices
        label={words('views.show')}
        value={view}
        onChoose={(chosen) => void perform(page, showRailView, chosen)}
        options={(['sessions', 'archived', 'trash'] as const).map((value) => ({ value, label: words(`views.${value}`) }))}
      />
    </Menu>
  );
}

// What was moved to the trash last, with the way back. It stays until it is closed or another session is opened from the list.
function Trashed(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const trashed = usePageState((state) => state.trashed);
  useEffect(() => {
    if (trashed) page.set({ notice: words('trashed', { title: trashed.title || words('untitled') }) });
  }, [page, trashed, words]);
  if (!trashed) return null;
  return (
    <div className={styles.trashed} role="group" aria-label={words('views.trash')}>
      <p>{words('trashed', { title: trashed.title || words('untitled') })}</p>
      <Button size="small" onClick={() => void perform(page, restoreSession, trashed.sid)}>
        {words('undo')}
      </Button>
      <IconButton size="small" label={words('close')} onClick={() => void perform(page, leaveTrashed, undefined)}>
        ✕
      </IconButton>
    </div>
  );
}
