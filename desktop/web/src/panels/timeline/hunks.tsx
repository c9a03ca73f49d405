import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useMemo, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { isHunkUndone, redoHunk, undoHunk } from '../../actions/review';
import { useKeptOpen, usePage, usePageState } from '../../hooks';
import type { ChangedFile } from '../../protocol';
import { changesQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';
import { FileDiff } from '../../ui/diff_file';
import { diffHunks, type Hunk } from '../../ui/diff_hunks';
import { Button } from '../../ui/kit/button';
import { HunkComment } from './hunk_comment';
import styles from './hunks.module.css';

// The diff of a file, hunk by hunk: each accepted, commented or undone by itself.
export function Hunks({ file, turn }: { file: ChangedFile; turn: Turn }): ReactNode {
  const words = useWords('changes');
  const { diff = '' } = file;
  const hunks = useMemo(() => diffHunks(diff), [diff]);
  return (
    <ol className={styles.hunks} aria-label={words('hunks', { count: hunks.length })}>
      {hunks.map((hunk, at) => (
        // The last hunk of a diff that is cut is not all there.
        <HunkView key={hunk.lines} turn={turn} path={file.path} hunk={hunk} isWhole={!file.isCut || at < hunks.length - 1} />
      ))}
    </ol>
  );
}

// What each of several turns changed in a file. An undo is always of what one turn did.
export function HunksByTurn({ path, turns }: { path: string; turns: readonly Turn[] }): ReactNode {
  return turns.map((turn) => <HunksOfTurn key={turn.id} path={path} turn={turn} />);
}

function HunksOfTurn({ path, turn }: { path: string; turn: Turn }): ReactNode {
  const page = usePage();
  const words = useWords('changes');
  const sid = usePageState((state) => state.selected);
  const { data: found, error } = useQuery(changesQuery(page.daemon, sid, turn.id));
  const file = found?.files.find((each) => each.path === path);
  return (
    <>
      <p className={styles.turn}>{words('ofTurn', { turn: turn.id })}</p>
      {error ? <p className="err" lang="en">{error.message}</p> : null}
      {!found && !error ? <p className="dim pulse">{words('looking')}</p> : null}
      {file ? <Hunks file={file} turn={turn} /> : null}
    </>
  );
}

interface HunkProps {
  turn: Turn;
  path: string;
  hunk: Hunk;
  isWhole: boolean;
}

function HunkView({ turn, path, hunk, isWhole }: HunkProps): ReactNode {
  const words = useWords('changes');
  const [isAccepted = false, setAccepted] = useKeptOpen(`accepted ${turn.id} ${path} ${hunk.lines}`);
  const [isCommenting, setCommenting] = useState(false);
  const [isAdded, setAdded] = useState(false);
  const isUndone = isHunkUndone(turn, path, hunk);
  const isGone = isUndone || turn.undone.includes(path);
  const of = { turn, path, hunk };
  const { lines } = hunk;
  return (
    <li className={styles.hunk}>
      <div className={styles.bar}>
        <code className="dim">{lines}</code>
        {isGone ? <span className="dim">{words('undone')}</span> : null}
        {isAdded ? (
          <span className="dim" role="status">
            {words('added')}
          </span>
        ) : null}
        {isWhole ? (
          <span className={styles.ways}>
            {isGone ? null : (
              <Button look="quiet" size="small" aria-label={words(isAccepted ? 'acceptedHunk' : 'acceptHunk', { lines })} title={words('acceptHint')} onClick={() => setAccepted(!isAccepted)}>
                {isAccepted ? words('accepted') : words('accept')}
              </Button>
            )}
            <Button look="quiet" size="small" aria-expanded={isCommenting} aria-label={words('commentOn', { lines })} onClick={() => setCommenting(!isCommenting)}>
              {words('comment')}
            </Button>
            {isGone && !isUndone ? null : <ActionButton action={isUndone ? redoHunk : undoHunk} argument={of} className="quiet" label={words(isUndone ? 'redoHunk' : 'undoHunk', { lines })} />}
          </span>
        ) : (
          <span className="dim">{words('cut')}</span>
        )}
      </div>
      {isCommenting ? (
        <HunkComment
          of={of}
          onEnd={(isDone) => {
            setCommenting(false);
            setAdded(isDone || isAdded);
          }}
        />
      ) : null}
      {isAccepted && !isGone ? null : <FileDiff text={hunk.text} name={`${path} ${lines}`} />}
    </li>
  );
}
