import type { ReactNode } from 'react';
import type { Diagnosis } from '../../protocol';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import { hasEvidence, StepEvidence } from './step_evidence';
import styles from './triage.module.css';

const MARKS = { ok: ['✓', 'ok'], failed: ['✕', 'warn'], skipped: ['–', 'dim'] } as const;

function outcomeOf({ ok, skipped }: Diagnosis['steps'][number]): keyof typeof MARKS {
  if (skipped) return 'skipped';
  return ok ? 'ok' : 'failed';
}

// The five steps in order. What did not go well shows its evidence at once.
export function Steps({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage.steps');
  return (
    <section aria-label={words('title')}>
      <h3>{words('title')}</h3>
      <ol className={styles.steps}>
        {diagnosis.steps.map((step) => (
          <li key={step.number} className={step.ok ? undefined : styles.open}>
            <p>
              <span className={classes(styles.number, MARKS[outcomeOf(step)][1])} aria-hidden="true">
                {MARKS[outcomeOf(step)][0]}
              </span>{' '}
              <strong>
                {words('number', { number: String(step.number) })} {words(step.name)}
              </strong> <span className="sr-only">{words(outcomeOf(step))}: </span>
              <span className="dim" lang="en">
                {line(step.text)}
              </span>
            </p>
            {hasEvidence(step.name, diagnosis) ? (
              <details open={!step.ok}>
                <summary>{words('evidence')}</summary>
                <StepEvidence name={step.name} diagnosis={diagnosis} />
              </details>
            ) : null}
          </li>
        ))}
      </ol>
    </section>
  );
}
