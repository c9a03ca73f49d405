import { type ReactNode, useEffect, useState } from 'react';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Call } from '../../transcript';
import { counts } from '../../ui/diff_lines';
import { duration, elapsed } from '../../strings/formats';
import { type CardState, exitCode } from './call_state';

const TICK_MS = 1_000;

// At the end of a card's row: how the call stands, and what it did and took.
export function CallFigures({ call, state, diff }: { call: Call; state: CardState; diff: string }): ReactNode {
  const words = useWords('cards');
  const parts: ReactNode[] = [];
  if (diff) {
    const { added, removed } = counts(diff);
    parts.push(
      <span key="diff">
        <span className="ok">+{added}</span> <span className="err">−{removed}</span>
      </span>,
    );
  }
  if (state === 'running') parts.push(words('running'), call.startedAt ? <Elapsed key="elapsed" since={call.startedAt} /> : null);
  else if (state !== 'ok') parts.push(exitCode(call) ? words('exit', { code: exitCode(call) }) : words(`states.${state}`));
  else if (!diff && call.lines) parts.push(words('lines', { count: call.lines }));
  if (call.durationMs && state !== 'denied' && state !== 'notRun') parts.push(duration(call.durationMs));
  return parts.filter(Boolean).map((part, at) => (
    <span key={at}>
      {at ? ' · ' : ''}
      {part}
    </span>
  ));
}

function Elapsed({ since }: { since: string }): ReactNode {
  const page = usePage();
  const [now, setNow] = useState(() => page.now());
  useEffect(() => {
    const timer = window.setInterval(() => setNow(page.now()), TICK_MS);
    return () => window.clearInterval(timer);
  }, [page]);
  return elapsed(now - Date.parse(since));
}
