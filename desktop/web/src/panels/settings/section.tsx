import { type ReactNode, useId } from 'react';
import { useWords } from '../../strings/strings';
import styles from './settings.module.css';

// A part of the settings. `command`: what shows or does the same in a terminal.
export function Section({ title, hint, command, children }: { title: string; hint?: string; command?: string; children: ReactNode }): ReactNode {
  const words = useWords('settings');
  const id = useId();
  return (
    <section className={styles.section} aria-labelledby={id}>
      <h3 id={id}>{title}</h3>
      {hint ? <p className="dim">{hint}</p> : null}
      {children}
      {command ? <p className="dim">{words.rich('inTerminal', { command: () => <code>{command}</code> })}</p> : null}
    </section>
  );
}
