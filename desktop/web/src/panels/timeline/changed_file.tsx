import { type ReactNode, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { redoFile, undoFile } from '../../actions/changes';
import { useKeptOpen } from '../../hooks';
import type { ChangedFile } from '../../protocol';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';
import { FileDiff } from '../../ui/diff_file';
import { counts } from '../../ui/diff_lines';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { Hunks, HunksByTurn } from './hunks';
import styles from './changed_files.module.css';

interface Props {
  file: ChangedFile;
  // The turns that changed it, and whether it is taken back there. They are named where there may be several.
  turns: readonly { turn: Turn; isUndone: boolean }[];
  isNamed?: boolean;
  isOpenAtFirst?: boolean;
}

// One file that turns changed: how, whether it is still so, its diff, and the way back.
export function ChangedFileRow({ file, turns, isNamed = false, isOpenAtFirst = false }: Props): ReactNode {
  const words = useWords('changes');
  // What changes it again is to be reviewed again.
  const [isAccepted = false, setAccepted] = useKeptOpen(`accepted ${file.path} ${(file.calls ?? []).join(' ')}`);
  const [isOpen, setOpen] = useState(isOpenAtFirst && Boolean(file.diff) && !isAccepted);
  const accept = (isDone: boolean) => {
    setAccepted(isDone);
    setOpen(!isDone);
  };
  // Of a file that several turns changed, the turns name their hunks themselves.
  const undoneHunks = turns.reduce((sum, { turn }) => sum + turn.undoneHunks.filter((hunk) => hunk.path === file.path).length, 0);
  const [first] = turns;
  const { diff = '', beforeMode = '', afterMode = '' } = file;
  const notes = [
    beforeMode && afterMode && beforeMode !== afterMode ? words('mode', { before: beforeMode, after: afterMode }) : '',
    file.background ? words('background') : '',
    file.isUndone ? words('undone') : undoneHunks ? words('hunksUndone', { count: undoneHunks }) : file.now === 'after' ? '' : words(`now.${file.now}`),
    file.isText === false && file.kind === 'file' ? words('notText') : '',
    file.isCut ? words('cut') : '',
  ].filter(Boolean);
  return (
    <li className={styles.file}>
      <div className={styles.row}>
        <Button look="quiet" size="small" aria-expanded={isOpen} disabled={!diff} onClick={() => setOpen(!isOpen)} className={styles.name}>
          <span className="dim">{words(`did.${file.did}`)}</span> {file.kind === 'file' ? '' : words(`kind.${file.kind}`)} <code>{line(file.path)}</code> {diff ? <Counts diff={diff} /> : null}
        </Button>
        {notes.length ? <span className="dim">{notes.join(' · ')}</span> : null}
        <span className={styles.ways}>
          {isNamed && diff && !file.isUndone ? (
            <Button look="quiet" size="small" aria-label={words(isAccepted ? 'acceptedHunk' : 'acceptHunk', { lines: line(file.path) })} title={words('acceptHint')} onClick={() => accept(!isAccepted)}>
              {isAccepted ? words('accepted') : words('accept')}
            </Button>
          ) : null}
          {turns.map(({ turn, isUndone }) => (
            <span key={turn.id}>
              {isNamed ? <span className="dim">{turn.id} </span> : null}
              <ActionButton action={isUndone ? redoFile : undoFile} argument={{ turn, path: file.path }} className="quiet" label={words(isUndone ? 'redoOf' : 'undoOf', { file: line(file.path) })} />
            </span>
          ))}
        </span>
      </div>
      {isOpen ? (
        <div className={styles.diff}>
          {!first ? <FileDiff text={diff} name={file.path} /> : turns.length > 1 ? <HunksByTurn path={file.path} turns={turns.map(({ turn }) => turn)} /> : <Hunks file={file} turn={first.turn} />}
        </div>
      ) : null}
    </li>
  );
}

function Counts({ diff }: { diff: string }): ReactNode {
  const { added, removed } = counts(diff);
  return (
    <span className="num">
      <span className="ok">+{added}</span> <span className="err">−{removed}</span>
    </span>
  );
}
