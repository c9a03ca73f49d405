import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { askExample } from '../../actions/examples';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import styles from './first_run.module.css';

// Three questions that need nothing but a folder. One click asks.
export function Examples({ isReady }: { isReady: boolean }): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const mayAsk = usePageState((state) => askExample.when(state, ''));
  return (
    <ul className={styles.examples}>
      {(['explain', 'find', 'improve'] as const).map((name) => (
        <li key={name}>
          <Button className={styles.example} disabled={!isReady || !mayAsk} onClick={() => void perform(page, askExample, words(`examples.${name}`))}>
            {words(`examples.${name}`)}
          </Button>
        </li>
      ))}
    </ul>
  );
}
