import type { ReactNode } from 'react';
import { usePage } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';

// How far a running turn has filled its limits.
export function TurnUse({ turn }: { turn: Turn }): ReactNode {
  const page = usePage();
  const words = useWords('use');
  const { limits } = turn;
  if (!limits || turn.endedAt) return null;
  const children = turn.steps.flatMap((step) => step.calls.flatMap((call) => (call.child ? [call.child] : [])));
  const calls = turn.steps.reduce((sum, step) => sum + step.calls.length, 0) + children.reduce((sum, child) => sum + child.calls, 0);
  const tokens = turn.steps.reduce((sum, step) => sum + step.tokens + step.promptTokens, 0) + children.reduce((sum, child) => sum + child.tokens, 0);
  const last = turn.steps[turn.steps.length - 1];
  const used: ['step' | 'calls' | 'tokens' | 'minutes', number, number | undefined][] = [
    ['step', last?.step ?? 0, limits.steps],
    ['calls', calls, limits.calls],
    ['tokens', tokens, limits.tokens],
  ];
  const shown = used.filter(([, , most]) => most);
  if (limits.minutes) shown.push(['minutes', Math.floor((page.now() - Date.parse(turn.ts)) / 60_000), limits.minutes]);
  return (
    <span className="use num" role="group" aria-label={words('label')}>
      {shown.map(([name, now, most]) => (
        <span key={name} className={now >= 0.8 * (most ?? 0) ? 'warn' : 'dim'}>
          {words(name, { now, most: most ?? 0 })}
        </span>
      ))}
    </span>
  );
}
