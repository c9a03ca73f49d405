import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { filterSessions, newSession, openSession } from '../../actions/sessions';
import { usePage, usePageState } from '../../hooks';
import type { Session } from '../../protocol';

const WORDS: Record<Session['state'], [string, string, string]> = {
  running: ['●', 'Running', 'live'],
  waiting: ['◆', 'Needs you', 'warn'],
  idle: ['✓', 'Done', 'dim'],
  failed: ['✕', 'Failed', 'err'],
  paused: ['‖', 'Paused', 'dim'],
};

export function Sessions(): ReactNode {
  const page = usePage();
  const sessions = usePageState((state) => state.sessions);
  const filter = usePageState((state) => state.filter);
  const selected = usePageState((state) => state.selected);
  return (
    <nav className="rail" aria-label="Sessions">
      <input
        type="search"
        aria-label="Search sessions"
        placeholder="Search sessions"
        data-focus="search"
        value={filter}
        onChange={(event) => void perform(page, filterSessions, event.target.value)}
      />
      <ul>
        {sessions.map((session) => (
          <li key={session.id}>
            <button type="button" className="session" aria-current={session.id === selected} onClick={() => void perform(page, openSession, session.id)}>
              <span className="title">{session.title || 'New session'}</span>
              <Meta session={session} />
            </button>
          </li>
        ))}
      </ul>
      {sessions.length ? null : <p className="empty">{filter ? 'No session fits.' : 'No sessions yet.'}</p>}
      <ActionButton action={newSession} argument={undefined} className="quiet">
        + {newSession.label}
      </ActionButton>
    </nav>
  );
}

// A session whose last turn was stopped, or met a limit, rests but is not done.
function wordsOf(session: Session): [string, string, string] {
  if (session.state !== 'idle') return WORDS[session.state];
  if (session.resumable) return ['‖', 'Stopped', 'dim'];
  return session.turns ? WORDS.idle : ['○', 'New', 'dim'];
}

function Meta({ session }: { session: Session }): ReactNode {
  const [glyph, word, tone] = wordsOf(session);
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
