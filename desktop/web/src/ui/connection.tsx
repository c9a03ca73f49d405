import type { ReactNode } from 'react';
import type { Connection } from '../streams/eventlog';
import { useWords } from '../strings/strings';

const SIGNS: Record<Connection, [glyph: string, tone: string]> = {
  connecting: ['○', 'dim'],
  connected: ['●', 'ok'],
  reconnecting: ['⟳', 'warn'],
  disconnected: ['✕', 'err'],
};

export function ConnectionBadge({ state }: { state: Connection }): ReactNode {
  const words = useWords('connection');
  const [glyph, tone] = SIGNS[state];
  return (
    <span role="status" aria-label={words('label', { state: words(state) })} className="badge">
      <span className={tone} aria-hidden="true">
        {glyph}
      </span>{' '}
      {words(state)}
    </span>
  );
}
