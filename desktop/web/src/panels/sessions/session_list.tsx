// The rows of the list. A long list is virtualised; one row takes the Tab key, and the arrow keys move between rows.

import { useQueries } from '@tanstack/react-query';
import { defaultRangeExtractor, useVirtualizer } from '@tanstack/react-virtual';
import { type KeyboardEvent, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { useNow } from 'use-intl';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { beginRename, moreSessions } from '../../actions/sessions';
import { usePage, usePageState } from '../../hooks';
import { isCompact } from '../../look';
import { childrenQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { GroupHeading } from './group_heading';
import styles from './rail.module.css';
import { type Row, railRows } from './rows';
import { SessionRow } from './session_row';

// A shorter list is drawn whole.
const VIRTUAL_ROWS_MIN = 80;
const ROW_PX = { heading: 32, session: 50, 'no-children': 28, more: 44 } as const;
const COMPACT_SESSION_PX = 42;
const MINUTE_MS = 60_000;

export function SessionList(): ReactNode {
  const words = useWords('rail');
  const filter = usePageState((state) => state.filter);
  const isRead = usePageState((state) => state.sessionsRead);
  const rows = useRows();
  if (!rows.length)
    return (
      <div className={styles.empty}>
        <p>{filter ? words('noneFits') : words('none')}</p>
        {filter || !isRead ? null : <p className="dim">{words('noneYet')}</p>}
      </div>
    );
  return <Rows rows={rows} />;
}

function useRows(): Row[] {
  const page = usePage();
  const sessions = usePageState((state) => state.sessions);
  const hasMore = usePageState((state) => state.hasMoreSessions);
  const grouping = usePageState((state) => state.remembered.grouping);
  const closedFolders = usePageState((state) => state.remembered.closedFolders);
  const withChildren = usePageState((state) => state.withChildren);
  const now = useNow({ updateInterval: MINUTE_MS });
  const children = useQueries({
    queries: withChildren.map((sid) => childrenQuery(page.daemon, sid)),
    combine: (results) => new Map(withChildren.map((sid, at) => [sid, results[at]?.data])),
  });
  return useMemo(() => railRows({ sessions, grouping, closedFolders, children, hasMore, now }), [sessions, grouping, closedFolders, children, hasMore, now]);
}

function Rows({ rows }: { rows: Row[] }): ReactNode {
  const page = usePage();
  const words = useWords('rail');
  const scroller = useRef<HTMLDivElement>(null);
  const selected = usePageState((state) => state.selected);
  const [active, setActive] = useState('');
  const [wanted, setWanted] = useState('');
  const activeAt = activeRow(rows, active, selected);
  const isVirtual = rows.length > VIRTUAL_ROWS_MIN;
  const isDense = usePageState((state) => isCompact(state.choices));
  const virtualizer = useVirtualizer({
    enabled: isVirtual,
    count: rows.length,
    getScrollElement: () => scroller.current,
    estimateSize: (at) => (isDense && rows[at]?.kind === 'session' ? COMPACT_SESSION_PX : ROW_PX[rows[at]?.kind ?? 'session']),
    getItemKey: (at) => rows[at]?.key ?? at,
    overscan: 8,
    // The row that takes the Tab key is always there.
    rangeExtractor: (range) => [...new Set([...defaultRangeExtractor(range), ...(activeAt < 0 ? [] : [activeAt])])].sort((one, other) => one - other),
  });

  useEffect(() => {
    if (!wanted) return;
    scroller.current?.querySelector<HTMLElement>(`[data-row="${CSS.escape(wanted)}"]`)?.focus();
    setWanted('');
  }, [wanted]);

  const move = (to: number) => {
    const row = rows[to];
    if (!row) return;
    setActive(row.key);
    if (isVirtual) virtualizer.scrollToIndex(to);
    setWanted(row.key);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!(event.target instanceof HTMLElement) || !event.target.dataset.row) return;
    const row = rows[activeAt];
    if (event.key === 'F2' && row?.kind === 'session') void perform(page, beginRename, row.session.id);
    else if (event.key in STEPS) move(STEPS[event.key]?.(rows, activeAt) ?? -1);
    else return;
    event.preventDefault();
  };
  const shown = isVirtual ? virtualizer.getVirtualItems().map((item) => ({ at: item.index, start: item.start })) : rows.map((_, at) => ({ at, start: null }));
  return (
    <div className={styles.list} ref={scroller} role="group" aria-label={words('listed')} onKeyDown={onKeyDown}>
      <ul style={isVirtual ? { height: virtualizer.getTotalSize(), position: 'relative' } : undefined}>
        {shown.map(({ at, start }) => {
          const row = rows[at];
          return row ? (
            <li key={row.key} aria-setsize={rows.length} aria-posinset={at + 1} className={styles.item} style={start === null ? undefined : { position: 'absolute', insetInline: 0, top: 0, transform: `translateY(${start}px)` }}>
              {row.kind === 'heading' ? <GroupHeading row={row} /> : null}
              {row.kind === 'session' ? <SessionRow session={row.session} rowKey={row.key} isChild={row.isChild} isTabStop={at === activeAt} onFocus={() => setActive(row.key)} /> : null}
              {row.kind === 'no-children' ? <p className={styles.noChildren}>{row.isReading ? words('readingChildren') : words('noChildren')}</p> : null}
              {row.kind === 'more' ? (
                <ActionButton action={moreSessions} argument={undefined} className={styles.more}>
                  {words('more')}
                </ActionButton>
              ) : null}
            </li>
          ) : null;
        })}
      </ul>
    </div>
  );
}

// Where a key leads from a row; undefined when there is nothing in that direction.
const STEPS: Record<string, (rows: Row[], at: number) => number | undefined> = {
  ArrowDown: (rows, at) => sessionFrom(rows, at + 1, 1),
  ArrowUp: (rows, at) => sessionFrom(rows, at - 1, -1),
  Home: (rows) => sessionFrom(rows, 0, 1),
  End: (rows) => sessionFrom(rows, rows.length - 1, -1),
};

function sessionFrom(rows: Row[], from: number, step: 1 | -1): number | undefined {
  for (let at = from; at >= 0 && at < rows.length; at += step) if (rows[at]?.kind === 'session') return at;
  return undefined;
}

// The row that was focused last, else the open session, else the first one.
function activeRow(rows: Row[], active: string, selected: string): number {
  const at = rows.findIndex((row) => row.kind === 'session' && row.key === active);
  if (at >= 0) return at;
  const open = rows.findIndex((row) => row.kind === 'session' && row.session.id === selected);
  return open >= 0 ? open : (sessionFrom(rows, 0, 1) ?? -1);
}
