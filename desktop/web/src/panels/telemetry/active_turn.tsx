import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import type { State } from '../../state';
import { useWords } from '../../strings/strings';
import { number, percent, seconds, UNKNOWN, wholeSeconds } from '../../strings/formats';
import { Row } from './metric';
import { useNow } from './use_figures';

// The turn that runs, else the last one.
function turnOf(state: State) {
  return state.transcript.running() ?? state.transcript.turns.at(-1);
}

export function ActiveTurn(): ReactNode {
  const words = useWords('telemetry');
  const turn = usePageState(turnOf);
  const isRunning = turn !== undefined && !turn.endedAt;
  const now = useNow(isRunning);
  const first = usePageState((state) => state.firstToken);
  // Of a turn that was not seen live, as it is in the journal.
  const recorded = usePageState((state) => turnOf(state)?.stats?.firstTokenMs ?? 0);
  // Its last whole answer; a turn changes within, so the figures are read anew with each event.
  const prompt = usePageState((state) => turnOf(state)?.steps.findLast((step) => step.promptTokens)?.promptTokens ?? turnOf(state)?.stats?.promptTokens ?? 0);
  const cached = usePageState((state) => turnOf(state)?.steps.findLast((step) => step.promptTokens)?.cachedTokens ?? null);
  const elapsed = turn ? Math.max(0, (turn.endedAt ? Date.parse(turn.endedAt) : now) - Date.parse(turn.ts)) : null;
  return (
    <section aria-labelledby="telemetry-turn">
      <h2 id="telemetry-turn">{words(isRunning ? 'activeTurn' : 'lastTurn')}</h2>
      <dl>
        <Row name={words('turn')} value={turn?.id ?? UNKNOWN} />
        <Row name={words('firstToken')} value={seconds(turn && first.turn === turn.id ? first.ms : recorded || null)} />
        <Row name={words('elapsed')} value={elapsed === null ? UNKNOWN : wholeSeconds(elapsed)} />
        <Row name={words('promptTokens')} value={prompt ? number(prompt) : UNKNOWN} />
        <Row name={words('cached')} value={percent(prompt && cached !== null ? (100 * cached) / prompt : null, 0)} />
      </dl>
    </section>
  );
}
