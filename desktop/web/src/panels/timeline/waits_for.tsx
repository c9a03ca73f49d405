import { type ReactNode, useEffect, useState } from 'react';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';

const TICK_MS = 1_000;
// Shorter waits are not worth a number.
const SHOWN_S = 2;

// What a running turn waits for while it shows nothing new, and for how long.
export function WaitsFor({ turn }: { turn: Turn }): ReactNode {
  const words = useWords('timeline.waits');
  const last = turn.steps[turn.steps.length - 1];
  const isSilent = Boolean(last?.waiting) || !(last?.text || last?.thinking || last?.calls.length);
  const isShown = turn.state !== 'paused' && isSilent;
  const now = useNow(isShown && turn.state !== 'queued');
  if (!isShown) return null;
  const what = turn.state === 'queued' ? words('turn') : last?.waiting ? words('model') : words('first');
  const since = last?.startedAt ? (now - Date.parse(last.startedAt)) / 1_000 : 0;
  const seconds = Math.round(last?.waiting || (since < 86_400 ? since : 0));
  return <p className="dim pulse">{turn.state !== 'queued' && seconds >= SHOWN_S ? words('for', { what, seconds }) : what}</p>;
}

// The time, each second while it is looked at.
function useNow(isRunning: boolean): number {
  const page = usePage();
  const [now, setNow] = useState(() => page.now());
  useEffect(() => {
    if (!isRunning) return;
    setNow(page.now());
    const timer = window.setInterval(() => setNow(page.now()), TICK_MS);
    return () => window.clearInterval(timer);
  }, [isRunning, page]);
  return now;
}
