import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef } from 'react';
import { perform } from '../../actions/action';
import { changedFiles, hasChanges, moreChanges, sessionPaths } from '../../actions/changes';
import { toggleChanges } from '../../actions/view';
import { useIsPlayback, usePage, usePageState } from '../../hooks';
import { sessionChangesQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import { line } from '../../visible';
import { ChangedFileRow } from '../timeline/changed_file';
import { TurnWays, Unknown } from '../timeline/turn_files';
import styles from './changes.module.css';

const PROMPT_CHARS = 80;
// Of more files, each is opened by itself.
const OPEN_MAX = 20;

// How many files the session changed; opens them.
export function ChangesButton(): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const count = usePageState((state) => sessionPaths(state.transcript).size);
  const isOpen = usePageState((state) => state.areChangesOpen);
  const isPlayback = useIsPlayback();
  if (!count || isPlayback) return null;
  return (
    <Button size="small" aria-expanded={isOpen} className={styles.button} aria-label={words('button', { count })} onClick={() => void perform(page, toggleChanges, undefined)}>
      <span className={styles.long}>{words('button', { count })}</span>
      <span className={styles.short} aria-hidden="true">
        ±{count}
      </span>
    </Button>
  );
}

// All files that the session changed, with their diffs, and the turns that did it: undone and redone by file and by turn.
export function ChangesSheet(): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const isOpen = usePageState((state) => state.areChangesOpen);
  return (
    <Sheet isOpen={isOpen} onClose={() => page.set({ areChangesOpen: false })} title={words('title')} isWide isModal>
      <Button size="small" className={styles.close} onClick={() => page.set({ areChangesOpen: false })}>
        {words('close')}
      </Button>
      {isOpen ? <Changes /> : null}
    </Sheet>
  );
}

function Changes(): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const sid = usePageState((state) => state.selected);
  const transcript = usePageState((state) => state.transcript);
  // Grows with every turn that ends and every undo.
  const edition = usePageState((state) => state.transcript.turns.reduce((sum, turn) => `${sum}${turn.endedAt ? '.' : ''}${turn.undone.length || ''}${turn.undoneHunks.length ? `h${turn.undoneHunks.length}` : ''}`, ''));
  const { data: found, error, refetch } = useQuery(sessionChangesQuery(page.daemon, sid));
  const shown = useRef(edition);
  useEffect(() => {
    if (shown.current !== edition) void refetch();
    shown.current = edition;
  }, [edition, refetch]);
  if (error) return <p className="err" lang="en">{error.message}</p>;
  if (!found) return <p className="dim pulse">{words('looking')}</p>;
  const changing = transcript.turns.filter((turn) => turn.endedAt && hasChanges(turn));
  return (
    <div className={styles.changes}>
      {found.files.length ? null : <p className="dim">{words('none')}</p>}
      <ul className={styles.files} aria-label={words('list')}>
        {found.files.map((file) => (
          <ChangedFileRow
            key={file.path}
            file={file}
            isNamed
            isOpenAtFirst={found.files.length <= OPEN_MAX}
            turns={(file.turns ?? []).flatMap(({ turnId, isUndone = false }) => changing.filter((turn) => turn.id === turnId).map((turn) => ({ turn, isUndone })))}
          />
        ))}
        <Unknown of={found} />
      </ul>
      {changing.length ? <h3>{words('turns')}</h3> : null}
      <ul className={styles.files} aria-label={words('turns')}>
        {changing.map((turn) => (
          <li key={turn.id} className={styles.turn}>
            <span className={styles.prompt}>{words('turn', { turn: turn.id, count: changedFiles(turn).length + moreChanges(turn), text: line(turn.text.slice(0, PROMPT_CHARS)) })}</span>
            <TurnWays turn={turn} />
          </li>
        ))}
      </ul>
    </div>
  );
}
