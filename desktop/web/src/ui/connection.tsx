import type { ReactNode } from 'react';
import type { Connection } from '../streams/eventlog';

const WORDS: Record<Connection, [string, string, string]> = {
  connecting: ['○', 'Connecting', 'dim'],
  connected: ['●', 'Connected', 'ok'],
  reconnecting: ['⟳', 'Reconnecting', 'warn'],
  disconnected: ['✕', 'Disconnected', 'err'],
};

export function ConnectionBadge({ state, retryInMs }: { state: Connection; retryInMs: number }): ReactNode {
  const [glyph, word, tone] = WORDS[state];
  const next = state === 'disconnected' && retryInMs > 1000 ? ` · next try in ${Math.round(retryInMs / 1000)} s` : '';
  return (
    <span role="status" aria-label={`Connection: ${word}`} className="badge">
      <span className={tone} aria-hidden="true">
        {glyph}
      </span>{' '}
      {word}
      {next}
    </span>
  );
}
