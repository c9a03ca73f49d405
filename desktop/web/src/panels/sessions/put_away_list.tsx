// The archive or the trash: what is in it, newest first, each with the way back.

import { useInfiniteQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openSession, restoreSession, unarchiveSession } from '../../actions/sessions';
import { shortPath } from '../../folder_names';
import { usePage } from '../../hooks';
import type { Session } from '../../protocol';
import { archivedQuery, putAwayQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { When } from '../../ui/when';
import { useHome } from '../folders/home';
import styles from './rail.module.css';

export function PutAwayList({ where }: { where: 'archived' | 'trash' }): ReactNode {
  return where === 'trash' ? <TrashList /> : <ArchiveList />;
}

function TrashList(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const found = useInfiniteQuery(putAwayQuery(page.daemon, 'trash'));
  const sessions = found.data?.pages.flatMap((each) => each.sessions) ?? [];
  return (
    <div className={styles.list}>
      <State isReading={found.isPending} error={found.error} none={sessions.length ? '' : words('away.noneTrashed')} />
      {sessions.length ? <p className={styles.words}>{words('away.trashWords')}</p> : null}
      <ul>
        {sessions.map((session) => (
          <Away key={session.id} session={session} onRestore={() => perform(page, restoreSession, session.id)} />
        ))}
      </ul>
      {found.hasNextPage ? <More isBusy={found.isFetchingNextPage} onMore={() => void found.fetchNextPage()} /> : null}
    </div>
  );
}

// Sessions that were archived here can be opened; `opta sessions prune` moves them out of the list, so those come back first.
function ArchiveList(): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const marked = useInfiniteQuery(archivedQuery(page.daemon));
  const pruned = useInfiniteQuery(putAwayQuery(page.daemon, 'archive'));
  const here = marked.data?.pages.flatMap((each) => each.sessions) ?? [];
  const away = pruned.data?.pages.flatMap((each) => each.sessions) ?? [];
  const isReading = marked.isPending || pruned.isPending;
  return (
    <div className={styles.list}>
      <State isReading={isReading} error={marked.error ?? pruned.error} none={here.length || away.length ? '' : words('away.noneArchived')} />
      <ul>
        {here.map((session) => (
          <Away key={session.id} session={session} onOpen={() => void perform(page, openSession, session.id)} onRestore={() => perform(page, unarchiveSession, session.id)} />
        ))}
        {away.map((session) => (
          <Away key={session.id} session={session} onRestore={() => perform(page, restoreSession, session.id)} />
        ))}
      </ul>
      {marked.hasNextPage ? <More isBusy={marked.isFetchingNextPage} onMore={() => void marked.fetchNextPage()} /> : null}
      {!marked.hasNextPage && pruned.hasNextPage ? <More isBusy={pruned.isFetchingNextPage} onMore={() => void pruned.fetchNextPage()} /> : null}
    </div>
  );
}

function State({ isReading, error, none }: { isReading: boolean; error: Error | null; none: string }): ReactNode {
  const words = useWords('rail');
  const said = error ? words('away.failed', { reason: error.message }) : isReading ? words('away.reading') : none;
  return said ? (
    <p className={styles.empty} role="status">
      {said}
    </p>
  ) : null;
}

function Away({ session, onOpen, onRestore }: { session: Session; onOpen?: () => void; onRestore: () => Promise<boolean> }): ReactNode {
  const words = useWords('rail');
  const home = useHome();
  const title = session.title || words('untitled');
  return (
    <li className={styles.away}>
      {onOpen ? (
        <button type="button" className={styles.session} onClick={onOpen}>
          <span className={styles.title}>{title}</span>
        </button>
      ) : (
        <span className={styles.title}>{title}</span>
      )}
      <span className={styles.meta}>
        <When at={session.lastActivityAt} /> <span title={session.cwd}>{shortPath(session.cwd, home)}</span>
      </span>
      <Button size="small" aria-label={`${words('away.restore')}: ${title}`} onClick={() => void onRestore()}>
        {words('away.restore')}
      </Button>
    </li>
  );
}

function More({ isBusy, onMore }: { isBusy: boolean; onMore: () => void }): ReactNode {
  const words = useWords('rail');
  return (
    <Button look="quiet" className={styles.more} disabled={isBusy} onClick={onMore}>
      {words('away.more')}
    </Button>
  );
}
