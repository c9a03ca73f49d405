import type { ReactNode } from 'react';
import type { HookRun } from '../../transcript_parts';

// What the user's hooks did about a call, or at the end of a turn. One that had nothing to say is not shown.
export function HookLines({ runs, isOver }: { runs: HookRun[]; isOver: boolean }): ReactNode {
  return runs
    .filter((run) => run.outcome !== 'ok')
    .map((run) => (
      <p key={run.id} className={BAD.includes(run.outcome) ? 'warn' : 'dim'}>
        ⚙ hook {run.hook}
        {run.attempt > 1 ? ` (attempt ${run.attempt})` : ''} {said(run, isOver)}
      </p>
    ));
}

const BAD: string[] = ['refused', 'failed', 'interrupted'];

function said(run: HookRun, isOver: boolean): string {
  switch (run.outcome) {
    case 'refused':
      return `refused the call: ${run.reason}`;
    case 'failed':
      return `failed: ${run.reason}${run.on === 'before-tool' ? (run.isOpen ? ' The call went on, as configured.' : ' The call did not run.') : ''}`;
    case 'interrupted':
      return `was interrupted: ${run.reason}`;
    case '':
      return isOver ? 'was stopped with the turn' : 'runs …';
    default:
      return run.text;
  }
}
