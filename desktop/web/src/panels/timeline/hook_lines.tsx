import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import type { HookRun } from '../../transcript_parts';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import styles from './timeline.module.css';

const BAD: string[] = ['refused', 'failed', 'interrupted'];

// What the user's hooks did about a call, or at the end of a turn. One that had nothing to say is not shown.
export function HookLines({ runs, isOver }: { runs: HookRun[]; isOver: boolean }): ReactNode {
  return runs.filter((run) => run.outcome !== 'ok').map((run) => <HookLine key={run.id} run={run} isOver={isOver} />);
}

function HookLine({ run, isOver }: { run: HookRun; isOver: boolean }): ReactNode {
  const words = useWords('hooks');
  return (
    <p className={classes(styles.aside, BAD.includes(run.outcome) && 'warn')}>
      ⚙ {words('hook', { name: line(run.hook), attempt: run.attempt })} {said(run, isOver, words)}
    </p>
  );
}

function said(run: HookRun, isOver: boolean, words: ReturnType<typeof useWords<'hooks'>>): string {
  const reason = line(run.reason);
  switch (run.outcome) {
    case 'refused':
      return words('refused', { reason });
    case 'failed':
      if (run.on !== 'before-tool') return words('failed', { reason });
      return words(run.isOpen ? 'failedOpen' : 'failedClosed', { reason });
    case 'interrupted':
      return words('interrupted', { reason });
    case '':
      return words(isOver ? 'stopped' : 'runs');
    default:
      return line(run.text);
  }
}
