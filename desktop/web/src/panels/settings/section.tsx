import { type ReactNode, useId } from 'react';
import { useWords } from '../../strings/strings';
import { CopyButton } from '../../ui/copy_button';
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

// What a query is about while there is no answer, or when there was none.
export function Waiting({ error, isRead }: { error: Error | null; isRead: boolean }): ReactNode {
  const words = useWords('settings');
  if (error) return <p className="err">{error.message}</p>;
  return isRead ? null : <p className="dim pulse">{words('looking')}</p>;
}

// Where something is written, with a button that copies it.
export function FilePath({ label, path }: { label: string; path: string }): ReactNode {
  return (
    <p className={styles.path}>
      <span className="dim">{label}</span> <code>{path}</code> <CopyButton what={path} text={() => path} className={styles.copy} />
    </p>
  );
}
