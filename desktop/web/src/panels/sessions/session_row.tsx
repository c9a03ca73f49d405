// One session in the list: it opens, is renamed in place, and has a menu.

import { memo, type ReactNode, useEffect, useId, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { archiveSession, beginRename, leaveRename, newSessionIn, openSession, pinSession, renameSession, toggleChildren, trashSession, unpinSession } from '../../actions/sessions';
import { folderOf } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import type { Session } from '../../protocol';
import { isUnread } from '../../remembered';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { Menu, MenuItem, MenuSeparator } from '../../ui/kit/menu';
import { When } from '../../ui/when';
import styles from './rail.module.css';
import { GLYPHS, shownState, TONES } from './session_state';

interface Props {
  session: Session;
  rowKey: string;
  isChild: boolean;
  // Whether the Tab key stops here.
  isTabStop: boolean;
  onFocus(): void;
}

export const SessionRow = memo(Drawn, (before, after) => before.session === after.session && before.isTabStop === after.isTabStop && before.isChild === after.isChild && before.rowKey === after.rowKey);

function Drawn({ session, rowKey, isChild, isTabStop, onFocus }: Props): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const titleId = useId();
  const isOpen = usePageState((state) => state.selected === session.id);
  const isRenamed = usePageState((state) => state.renaming === session.id) && !isChild;
  const isNew = usePageState((state) => !isOpen && isUnread(state.remembered, session));
  const title = session.title || words('untitled');
  const button = useRef<HTMLButtonElement>(null);
  const endedByKey = useRef(false);
  // Who renamed it with keys is at the row again, unless they went elsewhere meanwhile.
  useEffect(() => {
    if (isRenamed || !endedByKey.current) return;
    endedByKey.current = false;
    if (document.activeElement === document.body) button.current?.focus();
  }, [isRenamed]);
  const onKeyEnd = () => {
    endedByKey.current = true;
  };
  if (isRenamed) return <TitleField session={session} onKeyEnd={onKeyEnd} />;
  return (
    <div className={classes(styles.row, isOpen && styles.open, isChild && styles.child)}>
      <button
        ref={button}
        type="button"
        className={styles.session}
        aria-current={isOpen}
        data-row={rowKey}
        tabIndex={isTabStop ? 0 : -1}
        onFocus={onFocus}
        onClick={() => void perform(page, openSession, session.id)}
        onDoubleClick={() => void perform(page, beginRename, session.id)}
      >
        <span id={titleId} className={classes(styles.title, isNew && styles.unread)}>
          {title}
        </span>{' '}
        <Meta session={session} isNew={isNew} />
      </button>
      <SessionMenu session={session} isChild={isChild} isTabStop={isTabStop} describedBy={titleId} />
    </div>
  );
}

function Meta({ session, isNew }: { session: Session; isNew: boolean }): ReactNode {
  const words = useWords('rail');
  const isConnected = usePageState((state) => state.globalConnection === 'connected');
  const shown = shownState(session, isConnected);
  return (
    <span className={styles.meta}>
      <span className={TONES[shown]}>
        <span aria-hidden="true">{GLYPHS[shown]}</span> {words(`states.${shown}`)}
      </span>{' '}
      {isNew ? <span className={styles.mark}>{words('unread')}</span> : null} <When at={session.lastActivityAt} className={styles.when} />{' '}
      <span className="num">{words('turns', { count: session.turns })}</span>
    </span>
  );
}

function SessionMenu({ session, isChild, isTabStop, describedBy }: { session: Session; isChild: boolean; isTabStop: boolean; describedBy: string }): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const isWithChildren = usePageState((state) => state.withChildren.includes(session.id));
  const mayGo = usePageState((state) => trashSession.when(state, session));
  const folder = folderOf(session);
  const busy = mayGo ? undefined : words('menu.isBusy');
  const trigger = (
    <button type="button" className={styles.menu} aria-label={words('menu.label')} aria-describedby={describedBy} tabIndex={isTabStop ? 0 : -1}>
      <span aria-hidden="true">⋯</span>
    </button>
  );
  return (
    <Menu trigger={trigger} align="end">
      {isChild ? null : (
        <>
          <MenuItem shortcut="F2" onSelect={() => void perform(page, beginRename, session.id)}>
            {words('menu.rename')}
          </MenuItem>
          <MenuItem onSelect={() => void perform(page, session.pinned ? unpinSession : pinSession, session.id)}>{words(session.pinned ? 'menu.unpin' : 'menu.pin')}</MenuItem>
          <MenuItem onSelect={() => void perform(page, toggleChildren, session.id)}>{words(isWithChildren ? 'menu.hideChildren' : 'menu.showChildren')}</MenuItem>
        </>
      )}
      {folder ? <MenuItem onSelect={() => void perform(page, newSessionIn, folder)}>{words('menu.newHere')}</MenuItem> : null}
      <MenuItem onSelect={() => void navigator.clipboard.writeText(`s-${session.id}`).catch((error: unknown) => page.report(error))} hint={`s-${session.id}`}>
        {words('menu.copyId')}
      </MenuItem>
      {isChild ? null : (
        <>
          <MenuSeparator />
          <MenuItem disabled={!mayGo} hint={busy} onSelect={() => void perform(page, archiveSession, session)}>
            {words('menu.archive')}
          </MenuItem>
          <MenuItem isDangerous disabled={!mayGo} hint={busy} onSelect={() => void perform(page, trashSession, session)}>
            {words('menu.trash')}
          </MenuItem>
        </>
      )}
    </Menu>
  );
}

// Enter or leaving the field keeps what was typed; Escape leaves the title as it was.
function TitleField({ session, onKeyEnd }: { session: Session; onKeyEnd: () => void }): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const [title, setTitle] = useState(session.title);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => field.current?.select(), []);
  const end = () => {
    const isChanged = title.trim() !== '' && title.trim() !== session.title;
    void (isChanged ? perform(page, renameSession, { sid: session.id, title }) : perform(page, leaveRename, undefined));
  };
  return (
    <div className={styles.row}>
      <input
        ref={field}
        className={styles.rename}
        aria-label={words('title')}
        value={title}
        maxLength={200}
        onChange={(event) => setTitle(event.target.value)}
        onBlur={end}
        onKeyDown={(event) => {
          if (event.nativeEvent.isComposing) return;
          if (event.key !== 'Enter' && event.key !== 'Escape') return;
          onKeyEnd();
          if (event.key === 'Enter') end();
          else void perform(page, leaveRename, undefined);
          event.preventDefault();
          event.stopPropagation();
        }}
      />
    </div>
  );
}
