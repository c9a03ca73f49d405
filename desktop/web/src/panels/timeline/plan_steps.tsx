import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import { Revealed } from '../../ui/exact';
import styles from './toolcard.module.css';

const GLYPHS: Record<string, string> = { done: '✓', doing: '●', open: '○' };

// The steps of a plan. What is no step is left to the arguments of the call.
export function PlanSteps({ steps }: { steps: readonly unknown[] }): ReactNode {
  const words = useWords('cards');
  const known = steps.filter((step): step is { text: string; state: string } => typeof step === 'object' && step !== null && typeof (step as { text?: unknown }).text === 'string');
  if (!known.length) return null;
  return (
    <ul className={styles.plan}>
      {known.map((step, at) => (
        <li key={at} data-state={step.state}>
          <span aria-hidden="true">{GLYPHS[step.state] ?? '○'}</span>
          <span className="sr-only">{words('step', { state: step.state })} </span>
          <span>
            <Revealed text={step.text} />
          </span>
        </li>
      ))}
    </ul>
  );
}
