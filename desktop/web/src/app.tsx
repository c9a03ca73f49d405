import type { ReactNode } from 'react';
import { perform } from './actions/action';
import { ActionButton } from './actions/button';
import { dismissProblem, toggleRail } from './actions/view';
import { usePage, usePageState } from './hooks';
import { Connect } from './panels/connect/connect';
import { Composer } from './panels/composer/composer';
import { ChildAsks } from './panels/permission/child_asks';
import { Permission } from './panels/permission/permission';
import { Sessions } from './panels/sessions/sessions';
import { Telemetry } from './panels/telemetry/telemetry';
import { Timeline } from './panels/timeline/timeline';
import { Todo } from './panels/todo/todo';
import { Trust } from './panels/trust/trust';
import { WorktreePanel } from './panels/worktree/worktree';
import { connection } from './state';
import { ConnectionBadge } from './ui/connection';

export function App(): ReactNode {
  const isRailOpen = usePageState((state) => state.isRailOpen);
  const notice = usePageState((state) => state.notice);
  return (
    <div className={`app ${isRailOpen ? 'rail-open' : ''}`}>
      <Header />
      <Sessions />
      <main>
        <Problem />
        <SandboxWarning />
        <Connect />
        <Timeline />
        <div className="dock">
          <WorktreePanel />
          <Trust />
          <Todo />
          <Permission />
          <ChildAsks />
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

function Header(): ReactNode {
  const page = usePage();
  const isRailOpen = usePageState((state) => state.isRailOpen);
  const selected = usePageState((state) => state.selected);
  // The list leaves sub-agents out.
  const title = usePageState((state) => state.sessions.find((session) => session.id === state.selected)?.title ?? state.transcript.title);
  const state = usePageState(connection);
  const retryInMs = usePageState((each) => each.retryInMs);
  return (
    <header className="top">
      <button type="button" className="menu" aria-label={toggleRail.label} aria-expanded={isRailOpen} onClick={() => void perform(page, toggleRail, undefined)}>
        ☰
      </button>
      <h1>{title || 'Opta'}</h1>
      {selected ? <code className="dim">s-{selected}</code> : null}
      <span className="grow" />
      <ConnectionBadge state={state} retryInMs={retryInMs} />
    </header>
  );
}

function Problem(): ReactNode {
  const problem = usePageState((state) => state.problem);
  return problem ? (
    <p className="problem err" role="alert">
      {problem} <ActionButton action={dismissProblem} argument={undefined} className="quiet" />
    </p>
  ) : null;
}

function SandboxWarning(): ReactNode {
  const sandbox = usePageState((state) => state.health?.sandbox);
  return sandbox === 'none' ? (
    <p className="problem warn" role="status">
      Commands run without a sandbox on this machine, so each of them asks. opta doctor says how to get one.
    </p>
  ) : null;
}
