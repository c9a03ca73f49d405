import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { acceptPlan, changePlan } from '../../actions/plans';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import styles from './composer.module.css';

// What a person may say to the plan that the last turn ended in.
export function PlanAnswer(): ReactNode {
  const words = useWords('composer.plan');
  const last = usePageState((state) => state.transcript.turns.at(-1));
  const isOpen = usePageState((state) => last !== undefined && acceptPlan.when(state, last));
  if (!last || !isOpen) return null;
  return (
    <div className={styles.plan} role="group" aria-label={words('label')}>
      <span className="violet">◈ {words('words')}</span>
      <ActionButton action={acceptPlan} argument={last} className="primary" />
      <ActionButton action={changePlan} argument={last} />
    </div>
  );
}
