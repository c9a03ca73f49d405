import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { chooseLevel, chooseMode, chooseModel, writeDraft } from '../../actions/composer';
import { stopTurn, submitTurn } from '../../actions/turns';
import { usePage, usePageState } from '../../hooks';
import { draft, nextLevel, nextMode, nextModel } from '../../state';
import { Pill } from './pill';

const MODES: [string, string][] = [
  ['chat', 'Chat'],
  ['do', 'Do'],
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
  const lines = Math.min(LINES_MAX, Math.max(LINES_MIN, text.split('\n').length));
  return (
    <div className="composer" role="group" aria-label="Composer" data-scope="composer">
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
        <span className="grow" />
        {isRunning ? <ActionButton action={stopTurn} argument={undefined} /> : null}
        <ActionButton action={submitTurn} argument={undefined} className="primary">
          {isRunning ? 'Queue' : submitTurn.label}
        </ActionButton>
      </div>
    </div>
  );
}

// The models, and first the one in use if the daemon does not list it.
function useModelOptions(): [string, string][] {
  const models = usePageState((state) => state.models);
  const inUse = usePageState(nextModel);
  const options = models.map((model): [string, string] => [model.id, `${model.provider.toUpperCase()} · ${model.name}`]);
  return models.some((model) => model.id === inUse) ? options : [[inUse, inUse || 'default model'], ...options];
}
