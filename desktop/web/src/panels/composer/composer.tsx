import type { ReactNode, SyntheticEvent } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { attachFiles, chooseLevel, chooseMode, chooseModel, detachFile, writeDraft } from '../../actions/composer';
import { continueTurn, pauseTurn, steerTurn } from '../../actions/steer';
import { stopTurn, submitTurn } from '../../actions/turns';
import { toggleWorktree } from '../../actions/worktrees';
import { usePage, usePageState } from '../../hooks';
import { attached, draft, nextLevel, nextMode, nextModel } from '../../state';
import { Pill } from './pill';

const MODES: [string, string][] = [
  ['chat', 'Chat'],
  ['do', 'Do'],
  ['plan', 'Plan'],
];
const LEVELS: [string, string][] = [
  ['L1', 'L1 · Ask'],
  ['L2', 'L2 · Safe'],
  ['L3', 'L3 · Auto'],
];
const LINES_MIN = 2;
const LINES_MAX = 10;

// The next message: its text, what it runs with, and the buttons that send it or stop the running turn.
export function Composer(): ReactNode {
  const page = usePage();
  const text = usePageState(draft);
  const isRunning = usePageState((state) => stopTurn.when(state));
  const isPaused = usePageState((state) => continueTurn.when(state));
  // Text that is pasted or dropped goes where it always goes.
  const attach = (event: SyntheticEvent, files: FileList) => {
    if (!files.length) return;
    event.preventDefault();
    void perform(page, attachFiles, [...files]);
  };
  const lines = Math.min(LINES_MAX, Math.max(LINES_MIN, text.split('\n').length));
  return (
    <div
      className="composer"
      role="group"
      aria-label="Composer"
      data-scope="composer"
      onDragOver={(event) => event.preventDefault()}
      onDrop={(event) => attach(event, event.dataTransfer.files)}
      onPaste={(event) => attach(event, event.clipboardData.files)}
    >
      <Attached />
      <textarea
        aria-label="Message"
        placeholder="Type a message…"
        data-focus="composer"
        rows={lines}
        value={text}
        onChange={(event) => void perform(page, writeDraft, event.target.value)}
      />
      <div className="bar">
        <Pill label="Mode" tone="violet" field="mode" options={MODES} value={usePageState(nextMode)} action={chooseMode} />
        <Pill label="Model" tone="cyan" field="model" options={useModelOptions()} value={usePageState(nextModel)} action={chooseModel} />
        <Pill label="Permission level" tone="" field="level" options={LEVELS} value={usePageState(nextLevel)} action={chooseLevel} />
        <label className="pill attach">
          {attachFiles.label}
          <input
            type="file"
            multiple
            aria-label="Attach files"
            onChange={(event) => {
              void perform(page, attachFiles, [...(event.target.files ?? [])]);
              event.target.value = '';
            }}
          />
        </label>
        <WorktreeSwitch />
        <span className="grow" />
        <span className="send">
          {isPaused ? <ActionButton action={continueTurn} argument={undefined} /> : null}
          {isRunning && !isPaused ? <ActionButton action={pauseTurn} argument={undefined} /> : null}
          {isRunning ? <ActionButton action={stopTurn} argument={undefined} /> : null}
          {isRunning ? <ActionButton action={steerTurn} argument={undefined} title="The next model call of the running turn reads it" /> : null}
          <ActionButton action={submitTurn} argument={undefined} className="primary" title={isRunning ? 'It begins the next turn' : undefined}>
            {isRunning ? 'Queue' : submitTurn.label}
          </ActionButton>
        </span>
      </div>
    </div>
  );
}

// For a session that has not begun: whether it works in a git worktree.
function WorktreeSwitch(): ReactNode {
  const page = usePage();
  const isOffered = usePageState((state) => toggleWorktree.when(state));
  const isOn = usePageState((state) => state.wantsWorktree);
  if (!isOffered) return null;
  return (
    <label className={`pill switch ${isOn ? 'changed' : ''}`} title={toggleWorktree.name}>
      <input type="checkbox" checked={isOn} onChange={() => void perform(page, toggleWorktree, undefined)} /> {toggleWorktree.label}
    </label>
  );
}

// The files of the next message, each with a button that takes it off again.
function Attached(): ReactNode {
  const files = usePageState(attached);
  if (!files.length) return null;
  return (
    <ul className="attached" aria-label="Attachments">
      {files.map((file) => (
        <li key={file.id}>
          {file.name}{' '}
          <ActionButton action={detachFile} argument={file.id} title={`Remove ${file.name}`}>
            ✕
          </ActionButton>
        </li>
      ))}
    </ul>
  );
}

// The models, and first the one in use if the daemon does not list it.
function useModelOptions(): [string, string][] {
  const models = usePageState((state) => state.models);
  const inUse = usePageState(nextModel);
  const options = models.map((model): [string, string] => [model.id, `${model.provider.toUpperCase()} · ${model.name}`]);
  return models.some((model) => model.id === inUse) ? options : [[inUse, inUse || 'default model'], ...options];
}
