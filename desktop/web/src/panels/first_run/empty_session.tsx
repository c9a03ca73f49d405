// A session without messages: what it begins with, in one line, and questions to begin with.

import type { ReactNode } from 'react';
import { isEmptyFolder, openFolder, shortPath } from '../../folder_names';
import { usePageState } from '../../hooks';
import { nextLevel, nextModel } from '../../state';
import { useWords } from '../../strings/strings';
import { useHome } from '../folders/home';
import { Examples } from './examples';
import styles from './first_run.module.css';

export function EmptySession(): ReactNode {
  const words = useWords('firstRun');
  const folders = useWords('folders');
  const home = useHome();
  const title = usePageState((state) => state.transcript.title);
  const path = usePageState(openFolder);
  const isEmpty = usePageState((state) => isEmptyFolder(openFolder(state), state.selected));
  const model = usePageState(nextModel);
  const level = usePageState(nextLevel);
  const folder = !path || isEmpty ? folders('mark.none') : shortPath(path, home);
  const known = level === 'L0' || level === 'L2' || level === 'L3' ? level : 'L1';
  return (
    <section className={styles.first} aria-labelledby="empty-session">
      <h2 id="empty-session">{words('empty.title')}</h2>
      <p className="dim" title={path}>
        {title ? `${title} · ` : ''}
        {words('empty.line', { folder, model: model || words('empty.noModel'), level: words(`empty.levels.${known}`) })}
      </p>
      <section aria-label={words('empty.examples')}>
        <Examples isReady />
      </section>
      <p className="dim">
        {words('empty.mode')} {words('empty.hint')}
      </p>
    </section>
  );
}
