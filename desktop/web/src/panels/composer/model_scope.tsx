import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { line } from '../../visible';
import styles from './composer.module.css';
import { type Scope, ScopeButtons } from './scope_choice';

// How far the choice of a model reaches, and what it would change.
export function ModelScope({ scope, onScope }: { scope: Scope; onScope: (scope: Scope) => void }): ReactNode {
  const words = useWords('composer.model.changes');
  const now = usePageState((state) => state.transcript.model);
  const byDefault = usePageState((state) => state.models.find((model) => model.default)?.id ?? '');
  const changes = {
    turn: words('turn'),
    session: now ? words('sessionFrom', { model: line(now) }) : words('session'),
    default: byDefault ? words('defaultFrom', { model: line(byDefault) }) : words('default'),
  };
  return (
    <>
      <ScopeButtons field="model" scope={scope} onScope={onScope} />
      <p className={styles.changes} role="status">
        {changes[scope]}
      </p>
    </>
  );
}
