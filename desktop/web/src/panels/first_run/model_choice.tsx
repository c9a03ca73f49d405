import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { useModel } from '../../actions/models';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import styles from './first_run.module.css';

// A model of LMX or of a configured server, with the button that lets it answer.
export function ModelChoice({ id, name, about, isUsable = true }: { id: string; name: string; about: string; isUsable?: boolean }): ReactNode {
  const words = useWords('firstRun');
  const isBusy = usePageState((state) => state.busyModel === id);
  return (
    <li className={styles.choice}>
      <span className={styles.name}>{name}</span>
      <span className={styles.about}>{about}</span>
      {isUsable ? (
        <ActionButton action={useModel} argument={id} title={words('model.useTitle', { model: name })}>
          {isBusy ? words('model.loading') : words('model.use')}
        </ActionButton>
      ) : null}
    </li>
  );
}
