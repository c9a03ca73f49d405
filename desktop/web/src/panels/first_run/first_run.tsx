// The way to a first answer: a model, a folder, a question. What is done already takes one line.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { askFolder } from '../../actions/folders';
import { folderFor, shortPath } from '../../folder_names';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { classes } from '../../ui/kit/classes';
import { useHome } from '../folders/home';
import { Examples } from './examples';
import styles from './first_run.module.css';
import { FolderStep } from './folder_step';
import { ModelStep } from './model_step';
import { hasModel } from './welcome';

export function FirstRun(): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const home = useHome();
  const isModelReady = usePageState(hasModel);
  const model = usePageState((state) => state.models.find((candidate) => candidate.default)?.name ?? '');
  const folder = usePageState(folderFor);
  return (
    <section className={styles.first} aria-labelledby="first-run">
      <h2 id="first-run">{words('title')}</h2>
      <p className="dim">{words('words')}</p>
      <ol className={styles.steps}>
        <Step title={words('steps.model')} isDone={isModelReady}>
          {isModelReady ? <p>{words('model.ready', { model })}</p> : <ModelStep />}
        </Step>
        <Step title={words('steps.folder')} isDone={folder !== ''}>
          {folder ? (
            <p className={styles.line}>
              <span title={folder}>{words('folder.ready', { folder: shortPath(folder, home) })}</span>
              <Button size="small" look="quiet" onClick={() => void perform(page, askFolder, 'change')}>
                {words('change')}
              </Button>
            </p>
          ) : (
            <FolderStep />
          )}
        </Step>
        <Step title={words('steps.prompt')} isDone={false}>
          <p className="dim">{isModelReady && folder ? words('prompt.words') : words('prompt.first')}</p>
          <Examples isReady={isModelReady && folder !== ''} />
        </Step>
      </ol>
    </section>
  );
}

function Step({ title, isDone, children }: { title: string; isDone: boolean; children: ReactNode }): ReactNode {
  const words = useWords('firstRun');
  return (
    <li className={classes(styles.step, isDone && styles.done)}>
      <h3>
        {title}
        {isDone ? (
          <span className="ok">
            {' '}
            <span aria-hidden="true">✓</span> <span className="sr-only">{words('done')}</span>
          </span>
        ) : null}
      </h3>
      {children}
    </li>
  );
}
