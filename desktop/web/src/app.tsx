import type { ReactNode } from 'react';
import { Composer } from './panels/composer';
import { Permission } from './panels/permission';
import { Sessions } from './panels/sessions';
import { Telemetry } from './panels/telemetry';
import { Timeline } from './panels/timeline';
import { Trust } from './panels/trust';
import { useStore } from './state';
import { ConnectionBadge } from './ui/connection';

export function App(): ReactNode {
  const railOpen = useStore((state) => state.railOpen);
  const problem = useStore((state) => state.problem);
  const sandbox = useStore((state) => state.sandbox);
  const notice = useStore((state) => state.notice);
  const selected = useStore((state) => state.selected);
  const connection = useStore((state) => state.connection);
  const retryInMs = useStore((state) => state.retryInMs);
  const title = useStore((state) => state.sessions.find((session) => session.id === state.selected)?.title);
  return (
    <div className={`app ${railOpen ? 'rail-open' : ''}`}>
      <header className="top">
        <button type="button" className="menu" aria-label="Sessions" aria-expanded={railOpen} onClick={() => useStore.setState({ railOpen: !railOpen })}>
          ☰
        </button>
        <h1>{title || 'Opta'}</h1>
        {selected ? <code className="dim">s-{selected}</code> : null}
        <span className="grow" />
        <ConnectionBadge state={selected ? connection : 'connected'} retryInMs={retryInMs} />
      </header>
      <Sessions />
      <main>
        {problem ? (
          <p className="problem err" role="alert">
            {problem}{' '}
            <button type="button" className="quiet" onClick={() => useStore.setState({ problem: '' })}>
              Dismiss
            </button>
          </p>
        ) : null}
        {sandbox === 'none' ? (
          <p className="problem warn" role="status">
            Commands run without a sandbox on this machine, so each of them asks. opta doctor says how to get one.
          </p>
        ) : null}
        <Timeline />
        <div className="dock">
          <Trust />
          <Permission />
          <Composer />
        </div>
      </main>
      <Telemetry />
      <div className="sr-only" aria-live="polite">
        {notice}
      </div>
    </div>
  );
}
