import { memo, type ReactNode } from 'react';
import { Markdown } from '../../markdown';
import { useWords } from '../../strings/strings';
import type { Step, Turn } from '../../transcript';
import { CopyButton } from '../../ui/copy_button';
import { AsideLine } from './aside';
import type { Aside } from './asides';
import { Calls } from './calls';
import { HookLines } from './hook_lines';
import { Opener } from './opener';
import styles from './timeline.module.css';
import { Thinking } from './thinking';

interface Props {
  turn: Turn;
  step: Step;
  // Of the step, of its hooks and asides: what was drawn before is drawn again only when one of them has changed.
  version: string;
  asides: Aside[];
  isLast: boolean;
  isOver: boolean;
}

// One model call: what it read of the person before, what it thought and said, and the calls it asked for.
export const StepView = memo(
  function StepView({ turn, step, asides, isLast, isOver }: Props): ReactNode {
    const words = useWords('timeline');
    const firstCall = step.calls[0]?.seq ?? Infinity;
    return (
      <div className={styles.step} data-seq={step.seq} data-step={step.step}>
        {turn.steers
          .filter((steer) => steer.step === step.step)
          .map((steer) => (
            <div key={steer.id + steer.text} className="user steer" dir="auto">
              {steer.text}
            </div>
          ))}
        {asides
          .filter((aside) => aside.seq < firstCall)
          .map((aside) => (
            <AsideLine key={aside.seq} aside={aside} />
          ))}
        {step.folded ? (
          <Opener name={`cut ${turn.id} ${step.step}`} className={styles.aside} label={words('folded', { count: step.folded.length })}>
            {() => <p className={styles.added}>{step.folded}</p>}
          </Opener>
        ) : null}
        {step.nudge ? <p className={styles.aside}>⟳ {words('askedAgain', { reason: step.nudge })}</p> : null}
        {step.thinking ? <Thinking step={step} turnId={turn.id} isLive={isLast && !isOver} /> : null}
        {step.text ? (
          <div className="answer" data-part="answer">
            {isOver ? <CopyButton what="answer" text={() => step.text} /> : null}
            <Markdown text={step.text} />
          </div>
        ) : null}
        <Calls calls={step.calls} asides={asides.filter((aside) => aside.seq >= firstCall)} isOver={isOver} />
        <HookLines runs={turn.hooks.filter((run) => run.step === step.step)} isOver={isOver} />
      </div>
    );
  },
  (before, now) => before.step === now.step && before.version === now.version && before.isLast === now.isLast && before.isOver === now.isOver,
);
