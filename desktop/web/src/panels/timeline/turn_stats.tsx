import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import type { Turn } from '../../transcript';
import { classes } from '../../ui/kit/classes';
import { figuresOf } from './figures';
import styles from './timeline.module.css';

const MINUTE_S = 60;

// What a turn took. A figure that nobody counted is left out.
export function TurnStats({ turn }: { turn: Turn }): ReactNode {
  const words = useWords('ending');
  const { tokens, rate, elapsedS, firstTokenMs, tools, steps, thinkingTokens, cachedPercent, models, children, childTokens } = figuresOf(turn);
  if (!steps || !turn.endedAt) return null;
  const isDone = turn.state === 'done';
  const time = elapsedS < 2 * MINUTE_S ? words('seconds', { seconds: elapsedS }) : words('minutes', { minutes: Math.floor(elapsedS / MINUTE_S), seconds: Math.round(elapsedS % MINUTE_S) });
  const shown = [
    isDone || tokens ? words('tokens', { tokens }) : '',
    rate ? words('rate', { rate }) : '',
    elapsedS >= 0.05 ? time : '',
    firstTokenMs ? words('first', { seconds: firstTokenMs / 1_000 }) : '',
    isDone || tools ? words('tools', { count: tools }) : '',
    steps > 1 ? words('steps', { count: steps }) : '',
    thinkingTokens ? words('thought', { tokens: thinkingTokens }) : '',
    cachedPercent ? words('cached', { percent: cachedPercent }) : '',
    children ? words('children', { count: children, tokens: childTokens }) : '',
    // One model is named above the answer.
    models.length > 1 ? models.join(', ') : '',
  ].filter(Boolean);
  return (
    <p className={classes(styles.stats, 'num')}>
      {shown.map((figure) => (
        <span key={figure}>{figure}</span>
      ))}
    </p>
  );
}
