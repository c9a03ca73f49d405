import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect, useRef, useState } from 'react';
import { type Action, perform } from '../../actions/action';
import { changedFiles, hasChanges, moreChanges, redoTurn, undonePaths, undoTurn, undoTurnPartly } from '../../actions/changes';
import { dismissProblem } from '../../actions/view';
import { useIsPlayback, useKeptOpen, usePage, usePageState } from '../../hooks';
import type { TurnChanges } from '../../protocol';
import { changesQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { useKeptFocus } from '../../ui/kept_focus';
import type { Turn } from '../../transcript';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { ChangedFileRow } from './changed_file';
import styles from './changed_files.module.css';

// The files that a turn changed: undone and redone, all or one by one, and shown with their diffs. They are those of now, so a playback has
// none; its cards show what was changed then.
export function TurnFiles({ turn }: { turn: Turn }): ReactNode {
  const isPlayback = useIsPlayback();
  return turn.endedAt && hasChanges(turn) && !isPlayback ? <FilesBar turn={turn} /> : null;
}

function FilesBar({ turn }: { turn: Turn }): ReactNode {
  const words = useWords('changes');
  const [isOpen = false, setOpen] = useKeptOpen(`files ${turn.id}`);
  const bar = useRef<HTMLParagraphElement>(null);
  const kept = useKeptFocus(bar);
  return (
    <div>
      <p className={styles.bar} ref={bar} {...kept}>
        <Button look="quiet" size="small" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {words('button', { count: changedFiles(turn).length + moreChanges(turn) })}
        </Button>
        <TurnWays turn={turn} />
      </p>
      {isOpen ? <Files turn={turn} /> : null}
    </div>
  );
}

// Undo and redo of all that a turn changed. Where not all of it can be undone, the rest can.
export function TurnWays({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const [isAsked, setAsked] = useState(false);
  const [isRefused, setRefused] = useState(false);
  const count = changedFiles(turn).length + moreChanges(turn);
  const undone = undonePaths(turn);
  const move = async (action: Action<Turn>) => {
    setAsked(true);
    const isDone = await perform(page, action, turn);
    if (isDone) await perform(page, dismissProblem, undefined);
    setRefused(!isDone && action !== redoTurn);
    setAsked(false);
  };
  return (
    <>
      <Button look="quiet" size="small" disabled={isAsked || !undoTurn.when(page.state, turn)} onClick={() => void move(undoTurn)}>
        {words('undo', { count })}
      </Button>
      {isRefused ? (
        <Button look="quiet" size="small" disabled={isAsked} title={words('undoOthersHint')} onClick={() => void move(undoTurnPartly)}>
          {words('undoOthers')}
        </Button>
      ) : null}
      {undone.length ? (
        <Button look="quiet" size="small" disabled={isAsked} onClick={() => void move(redoTurn)}>
          {words('redo', { count: undone.length, file: line(undone[0] ?? '') })}
        </Button>
      ) : null}
    </>
  );
}

function Files({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const sid = usePageState((state) => state.selected);
  const { data: found, error, refetch } = useQuery(changesQuery(page.daemon, sid, turn.id));
  // An undo changes how the files are now.
  const undone = [...turn.undone, ...turn.undoneHunks.map(({ path, lines }) => `${path} ${lines}`)].join('\n');
  const shown = useRef(undone);
  useEffect(() => {
    if (shown.current !== undone) void refetch();
    shown.current = undone;
  }, [undone, refetch]);
  if (error) return <p className="err" lang="en">{error.message}</p>;
  if (!found) return <p className="dim pulse">{words('looking')}</p>;
  return (
    <ul className={`${styles.files} ${styles.turn}`} aria-label={words('list')}>
      {found.files.map((file) => (
        <ChangedFileRow key={file.path} file={file} turns={[{ turn, isUndone: file.isUndone ?? false }]} />
      ))}
      <Unknown of={found} />
    </ul>
  );
}

// What is not known of the changes of commands.
export function Unknown({ of }: { of: Pick<TurnChanges, 'missed' | 'beside' | 'notCovered'> }): ReactNode {
  const words = useWords('changes');
  return (
    <>
      {(of.missed ?? []).map((each) => (
        <li key={each} className="warn">
          {words('missed', { line: line(each) })}
        </li>
      ))}
      {of.beside?.length ? <li className="dim">{words('beside', { sessions: of.beside.join(', ') })}</li> : null}
      {of.notCovered?.length ? <li className="dim">{words('notCovered', { paths: of.notCovered.map(line).join(', ') })}</li> : null}
    </>
  );
}
