import type { ReactNode } from 'react';
import { perform } from '../actions';
import type { Session } from '../protocol';
import { select, setFilter, useStore } from '../state';

const WORDS: Record<Session['state'], [string, string, string]> = {
  running: ['●', 'Running', 'live'],
  waiting: ['◆', 'Needs you', 'warn'],
  idle: ['✓', 'Done', 'dim'],
  failed: ['✕', 'Failed', 'err'],
  paused: ['‖', 'Paused', 'dim'],
};

export function Sessions(): ReactNode {
  const sessions = useStore((state) => state.sessions);
  const filter = useStore((state) => state.filter);
  const selected = useStore((state) => state.selected);
  return (
    <nav className="rail" aria-label="Sessions">
      <input type="search" aria-label="Search sessions" placeholder="Search sessions" value={filter} onChange={(event) => setFilter(event.target.value)} />
      <ul>
        {sessions.map((session) => (
          <li key={session.id}>
            <button type="button" className="session" aria-current={session.id === selected} onClick={() => select(session.id)}>
              <span className="title">{session.title || 'New session'}</span>
              <Meta session={session} />
            </button>
          </li>
        ))}
      </ul>
      {sessions.length ? null : <p className="empty">{filter ? 'No session fits.' : 'No sessions yet.'}</p>}
      <button type="button" className="quiet" onClick={() => perform('new-session')}>
        + New session <kbd>Alt N</kbd>
      </button>
    </nav>
  );
}

function Meta({ session }: { session: Session }): ReactNode {
  const [glyph, word, tone] = session.turns || session.state !== 'idle' ? WORDS[session.state] : ['○', 'New', 'dim'];
  return (
    <span className="meta">
      <span className={tone}>
        <span aria-hidden="true">{glyph}</span> {word}
      </span>
      <span className="num">
        {session.turns} {session.turns === 1 ? 'turn' : 'turns'}
      </span>
    </span>
  );
}
