import { type ReactNode, useEffect, useState } from 'react';
import { type Action, perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { changedFiles, hasChanges, moreChanges, redoFile, redoTurn, undoFile, undoTurn, undoTurnPartly } from '../../actions/changes';
import { dismissProblem } from '../../actions/view';
import { useKeptOpen, usePage, usePageState } from '../../hooks';
import type { ChangedFile, TurnChanges } from '../../protocol';
import type { Turn } from '../../transcript';
import { Diff } from '../../ui/diff';

// The files that a turn changed: undone and redone, all or one by one, and shown with their diffs.
export function TurnFiles({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const [isOpen = false, setOpen] = useKeptOpen(`files ${turn.id}`);
  const [isAsked, setAsked] = useState(false);
  const [isRefused, setRefused] = useState(false);
  if (!turn.endedAt || !hasChanges(turn)) return null;
  const count = changedFiles(turn).length + moreChanges(turn);
  const move = async (action: Action<Turn>) => {
    setAsked(true);
    const isDone = await perform(page, action, turn);
    if (isDone) await perform(page, dismissProblem, undefined);
    setRefused(!isDone && action !== redoTurn);
    setAsked(false);
  };
  return (
    <div className="turn-files">
      <p className="turn-actions">
        <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
          {count} {count === 1 ? 'file' : 'files'} changed
        </button>
        <button type="button" className="quiet" disabled={isAsked || !undoTurn.when(page.state, turn)} onClick={() => void move(undoTurn)}>
          {undoTurn.label} {count === 1 ? '' : 'all'}
        </button>
        {isRefused ? (
          <button type="button" className="quiet" disabled={isAsked} title="Where it can be done" onClick={() => void move(undoTurnPartly)}>
            {undoTurnPartly.label}
          </button>
        ) : null}
        {turn.undone.length ? (
          <button type="button" className="quiet" disabled={isAsked} onClick={() => void move(redoTurn)}>
            {redoTurn.label} {turn.undone.length === 1 ? turn.undone[0] : `${turn.undone.length} files`}
          </button>
        ) : null}
      </p>
      {isOpen ? <Files turn={turn} /> : null}
    </div>
  );
}

function Files({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const sid = usePageState((state) => state.selected);
  const [found, setFound] = useState<TurnChanges | null>(null);
  const [problem, setProblem] = useState('');
  // What was undone since shows how the files are now.
  const undone = turn.undone.join('\n');
  // biome-ignore lint/correctness/useExhaustiveDependencies: looked at again after an undo
  useEffect(() => {
    let isCurrent = true;
    page.daemon.changes(sid, turn.id).then(
      (answer) => isCurrent && setFound(answer),
      (error: unknown) => isCurrent && setProblem(error instanceof Error ? error.message : String(error)),
    );
    return () => {
      isCurrent = false;
    };
  }, [page, sid, turn.id, undone]);
  if (problem) return <p className="err">{problem}</p>;
  if (!found) return <p className="dim pulse">Looking at the files</p>;
  return (
    <ul className="files" aria-label="Changed files">
      {found.files.map((file) => (
        <File key={file.path} file={file} turn={turn} />
      ))}
      {(found.missed ?? []).map((line) => (
        <li key={line} className="warn">
          Not known: {line}
        </li>
      ))}
      {found.beside?.length ? <li className="dim">Commands of {found.beside.join(', ')} ran in this folder at the same time.</li> : null}
      {found.notCovered?.length ? <li className="dim">Never recorded: {found.notCovered.join(', ')}</li> : null}
    </ul>
  );
}

const NOW = { before: 'is as it was before', other: 'was changed since', after: '' };

function File({ file, turn }: { file: ChangedFile; turn: Turn }): ReactNode {
  const [isOpen, setOpen] = useState(false);
  const notes = [
    file.beforeMode && file.afterMode && file.beforeMode !== file.afterMode ? `mode ${file.beforeMode} → ${file.afterMode}` : '',
    file.background ? 'perhaps by a command in the background' : '',
    file.isUndone ? 'undone' : NOW[file.now],
    file.isCut ? 'the diff is cut' : '',
  ].filter(Boolean);
  const argument = { turn, path: file.path };
  return (
    <li>
      <p className="turn-actions">
        <button type="button" className="quiet" aria-expanded={isOpen} disabled={!file.diff} onClick={() => setOpen(!isOpen)}>
          {file.did} {file.kind === 'file' ? '' : file.kind} <code>{file.path}</code>
        </button>
        {notes.length ? <span className="dim">{notes.join(' · ')}</span> : null}
        <ActionButton action={file.isUndone ? redoFile : undoFile} argument={argument} className="quiet right" />
      </p>
      {isOpen ? <Diff text={file.diff ?? ''} /> : null}
    </li>
  );
}
