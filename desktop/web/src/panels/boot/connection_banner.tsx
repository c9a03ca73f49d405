// Above a timeline that stays readable: the connection is lost, and what runs goes on.

import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { startDaemon, tryNow } from '../../actions/daemon';
import { boot } from '../../boot';
import { usePageState } from '../../hooks';
import { connection } from '../../state';
import { useWords } from '../../strings/strings';
import { Connect } from '../connect/connect';
import styles from './boot.module.css';
import { NextTry } from './boot_panel';

export function ConnectionBanner(): ReactNode {
  const words = useWords('boot');
  const state = usePageState(boot);
  const isLost = usePageState((each) => ['reconnecting', 'disconnected'].includes(connection(each)));
  const seq = usePageState((each) => (each.selected ? each.transcript.lastSeq : 0));
  if (state === 'no-key') return <Connect />;
  if (!isLost) return null;
  return (
    <div className={styles.banner} role="status">
      {state === 'no-daemon' || state === 'no-server' ? <strong>{words(state === 'no-daemon' ? 'noDaemon.title' : 'noServer.title')}</strong> : null}
      {seq ? <span>{words('notLost', { seq })}</span> : null}
      <NextTry />
      {state === 'no-daemon' ? <ActionButton action={startDaemon} argument={undefined} /> : null}
      {state === 'no-server' ? <span>{words.rich('command', { command: () => <code>opta up</code> })}</span> : null}
      <ActionButton action={tryNow} argument={undefined} className="quiet" />
    </div>
  );
}
