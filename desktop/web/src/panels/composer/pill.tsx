import type { ComponentProps, ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import styles from './composer.module.css';

interface Props extends Omit<ComponentProps<'button'>, 'value'> {
  label: string;
  value: string;
  tone?: 'violet' | 'cyan' | 'warn' | 'err';
  // Whether it differs from what the session has, for the next message only.
  isOverridden: boolean;
  // Why it cannot be used; '' when it can.
  problem?: string;
}

// The button of a choice for the next message; its menu opens from it.
export function PillButton({ label, value, tone, isOverridden, problem = '', className, ...rest }: Props): ReactNode {
  const words = useWords('composer.scope');
  const state = problem ? 'invalid' : isOverridden ? 'overridden' : 'plain';
  const name = words(state, { label, value });
  return (
    <button type="button" aria-label={name} title={problem || name} className={classes(styles.pill, tone && styles[tone], isOverridden && styles.overridden, problem && styles.invalid, className)} {...rest}>
      {problem ? <span aria-hidden="true">✕</span> : isOverridden ? <span aria-hidden="true">•</span> : null}
      <span className={styles.value}>{value}</span>
      <span aria-hidden="true">▾</span>
    </button>
  );
}
