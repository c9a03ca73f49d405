import type { CSSProperties, ReactNode } from 'react';
import { ActionButton } from './actions/button';
import { diagnose } from './actions/triage';
import { dismissProblem } from './actions/view';
import { boot } from './boot';
import { usePageState } from './hooks';
import { Announcer } from './panels/announcer/announcer';
import { BootPanel } from './panels/boot/boot_panel';
import { ConnectionBanner } from './panels/boot/connection_banner';
import { ChangesSheet } from './panels/changes/changes_sheet';
import { Composer } from './panels/composer/composer';
import { DaemonSheet } from './panels/daemon/daemon_sheet';
import { FolderDialog } from './panels/folders/folder_dialog';
import { Header } from './panels/header/header';
import { ModelsSheet } from './panels/models/models_sheet';
import { SettingsSheet } from './panels/settings/settings_sheet';
import { Palette } from './panels/palette/palette';
import { PlaybackPanel } from './panels/playback/playback_panel';
import { KeySheet } from './panels/keys/key_sheet';
import { Questions } from './panels/permission/questions';
import { GoneBanner, GonePanel } from './panels/sessions/gone';
import { Rail } from './panels/sessions/rail';
import { TelemetryColumn } from './panels/telemetry/telemetry';
import { TelemetryLine } from './panels/telemetry/telemetry_line';
import { Timeline } from './panels/timeline/timeline';
import { Todo } from './panels/todo/todo';
import { TriageSheet } from './panels/triage/triage_sheet';
import { Trust } from './panels/trust/trust';
import { UsageSheet } from './panels/usage/usage_sheet';
import { WorktreePanel } from './panels/worktree/worktree';
import { classes } from './ui/kit/classes';
import { useWords } from './strings/strings';

export function App(): ReactNode {
  const railPx = usePageState((state) => state.remembered.railPx);
  const isRailHidden = usePageState((state) => state.remembered.isRailHidden);
  const hasTelemetry = usePageState((state) => state.isTelemetryOpen);
  return (
    <div className={classes('app', isRailHidden && 'without-rail', !hasTelemetry && 'no-telemetry')} style={{ '--rail': `${railPx}px` } as CSSProperties}>
      <Header />
      <Rail />
      <main>
        <Main />
      </main>
      {hasTelemetry ? <TelemetryColumn /> : null}
      <ChangesSheet />
      <DaemonSheet />
      <FolderDialog />
      <KeySheet />
      <ModelsSheet />
      <Palette />
      <SettingsSheet />
      <TriageSheet />
      <UsageSheet />
      <Announcer />
    </div>
  );
}

// What was read once stays readable while the daemon is away, and a message can be begun before anything is read.
function Main(): ReactNode {
  const state = usePageState(boot);
  const isRead = usePageState((each) => each.sessionsRead && each.selected !== '');
  const playback = usePageState((each) => each.playback);
  const isReadable = state === 'ready' || (isRead && state !== 'wrong-version');
  if (!isReadable && state !== 'starting' && state !== 'loading') return <BootPanel />;
  return (
    <>
      <Problem />
      <SandboxWarning />
      <ConnectionBanner />
      {playback ? <PlaybackPanel playback={playback} /> : <Live isReadable={isReadable} />}
    </>
  );
}

// The open session as it is now, and what is said and answered in it.
function Live({ isReadable }: { isReadable: boolean }): ReactNode {
  const isGone = usePageState((each) => each.gone !== '');
  const isEmpty = usePageState((each) => each.transcript.turns.length === 0);
  return (
    <>
      {isGone && !isEmpty ? <GoneBanner /> : null}
      {isGone && isEmpty ? <GonePanel /> : isReadable ? <Timeline /> : <BootPanel />}
      <div className="dock">
        <WorktreePanel />
        <Trust />
        <Todo />
        <Questions />
        <TelemetryLine />
        <Composer />
      </div>
    </>
  );
}

function Problem(): ReactNode {
  // Without a key, the question for one shows it.
  const problem = usePageState((state) => (boot(state) === 'no-key' ? '' : state.problem));
  const isForeign = usePageState((state) => state.isProblemForeign);
  return problem ? (
    <p className="problem err" role="alert">
      <span lang={isForeign ? 'en' : undefined}>{problem}</span> <ActionButton action={dismissProblem} argument={undefined} className="quiet" />
    </p>
  ) : null;
}

function SandboxWarning(): ReactNode {
  const words = useWords('problems');
  const sandbox = usePageState((state) => state.health?.sandbox);
  return sandbox === 'none' ? (
    <p className="problem warn" role="status">
      {words('noSandbox')} <ActionButton action={diagnose} argument={undefined} className="quiet" />
    </p>
  ) : null;
}
