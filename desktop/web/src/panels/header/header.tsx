// What is open, what needs the person, and the connection: on every screen, at every width.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { showKeys } from '../../actions/keys';
import { goToNeed } from '../../actions/needs';
import { showPalette } from '../../actions/palette';
import { isRailShown, toggleRail, toggleTelemetry } from '../../actions/view';
import { useActionWords } from '../../actions/words';
import { usePage, usePageState } from '../../hooks';
import { connection, needs } from '../../state';
import { FolderMark } from '../folders/folder_mark';
import { useWords } from '../../strings/strings';
import { ConnectionBadge } from '../../ui/connection';
import { classes } from '../../ui/kit/classes';
import { ChangesButton } from '../changes/changes_sheet';
import { TimelineTools } from '../timeline/outline';
import styles from './header.module.css';

export function Header(): ReactNode {
  const page = usePage();
  const isRailOpen = usePageState(isRailShown);
  const isTelemetryOpen = usePageState((state) => state.isTelemetryOpen);
  const selected = usePageState((state) => state.selected);
  // The list leaves sub-agents out.
  const title = usePageState((state) => state.sessions.find((session) => session.id === state.selected)?.title ?? state.transcript.title);
  const state = usePageState(connection);
  const rail = useActionWords(toggleRail);
  const telemetry = useActionWords(toggleTelemetry);
  const keys = useActionWords(showKeys);
  return (
    <header className={styles.top}>
      <button type="button" className={styles.menu} aria-label={rail.label} title={rail.name} aria-expanded={isRailOpen} onClick={() => void perform(page, toggleRail, undefined)}>
        ☰
      </button>
      <h1>{title || 'Opta'}</h1>
      {selected ? <code className={classes('dim', styles.id)}>s-{selected}</code> : null}
      <span className={styles.folder}>
        <FolderMark />
      </span>
      <span className={classes('grow', styles.gap)} />
      <span className={styles.tools}>
        {selected ? <TimelineTools /> : null}
        <ChangesButton />
      </span>
      <Needs />
      <ConnectionBadge state={state} />
      <span className={styles.wide}>
        <ActionButton action={showPalette} argument={undefined} className={styles.button}>
          <SearchLabel />
        </ActionButton>
      </span>
      <button
        type="button"
        className={classes(styles.button, styles.column)}
        aria-label={telemetry.label}
        title={telemetry.name}
        aria-expanded={isTelemetryOpen}
        onClick={() => void perform(page, toggleTelemetry, undefined)}
      >
        <span aria-hidden="true">{isTelemetryOpen ? '⇥' : '⇤'}</span>
      </button>
      <button type="button" className={classes(styles.button, styles.wide)} aria-label={keys.label} title={keys.name} aria-keyshortcuts="?" onClick={() => void perform(page, showKeys, undefined)}>
        <span aria-hidden="true">?</span>
      </button>
    </header>
  );
}

function SearchLabel(): ReactNode {
  return useWords('header')('search');
}

// How many sessions wait for the person; pressed, it leads to the next question.
function Needs(): ReactNode {
  const words = useWords('header');
  const count = usePageState(needs);
  if (!count) return null;
  return (
    <ActionButton action={goToNeed} argument={undefined} className={styles.needs} title={words('needsTitle')}>
      <span aria-hidden="true">◆</span> <span className={styles.long}>{words('needs', { count })}</span>
      <span className={styles.short} aria-hidden="true">
        {count}
      </span>
    </ActionButton>
  );
}
