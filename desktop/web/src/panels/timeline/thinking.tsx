import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import type { Step } from '../../transcript';
import { KeptSelection } from '../../ui/kept_selection';
import { LongText } from '../../ui/long_text';
import { secondsBetween } from './figures';
import { Opener } from './opener';
import styles from './timeline.module.css';
import { number } from '../../strings/formats';

// A token has about four characters; used when the provider does not count them.
const TOKEN_CHARS = 4;

// What a model thought before it answered: how much and for how long, and on demand the words. `isLive`: it may still think.
export function Thinking({ step, turnId, isLive }: { step: Step; turnId: string; isLive: boolean }): ReactNode {
  const words = useWords('timeline.thinking');
  const isThinking = isLive && !step.text && !step.calls.length && !step.finish;
  const seconds = secondsBetween(step.thoughtFrom, step.thoughtTo);
  const parts = [
    isThinking ? words('live') : words('done'),
    step.thinkingTokens ? words('tokens', { tokens: step.thinkingTokens }) : isThinking ? '' : words('about', { tokens: Math.ceil(step.thinking.length / TOKEN_CHARS) }),
    seconds >= 0.05 ? words('seconds', { seconds: number(seconds, 1) }) : '',
  ].filter(Boolean);
  return (
    <Opener name={thinkingKey(turnId, step)} className={styles.thinking} label={<span className={isThinking ? 'pulse' : undefined}>{parts.join(' · ')}</span>}>
      {() => (
        <KeptSelection as="p" dir="auto">
          <LongText text={step.thinking} />
        </KeptSelection>
      )}
    </Opener>
  );
}

// Under which it is kept open.
export function thinkingKey(turnId: string, step: Step): string {
  return `thinking ${turnId} ${step.step}`;
}
