import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { compactContext } from '../../actions/context';
import { usePageState } from '../../hooks';
import { contextLimit, contextUsed, type Fill, fillOf } from '../../sending';
import { nextModel } from '../../state';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import styles from './composer.module.css';
import { thousands } from '../../strings/formats';

const TONES: Record<Fill, string> = { ok: 'dim', unknown: 'dim', high: 'warn', full: 'err', over: 'err' };

// How much of the next message's model is taken by the conversation so far.
export function ContextMeter(): ReactNode {
  const words = useWords('composer.context');
  const used = usePageState(contextUsed);
  const limit = usePageState(contextLimit);
  if (!limit) return null;
  const fill = fillOf({ used, limit });
  if (used === null)
    return (
      <span className={classes(styles.meter, 'dim num')} title={words('compacted')}>
        {words('unknown', { limit: thousands(limit) })}
      </span>
    );
  const text = words('valueText', { used, limit });
  return (
    <span className={classes(styles.meter, TONES[fill], 'num')} role="meter" aria-label={words('label')} aria-valuemin={0} aria-valuemax={limit} aria-valuenow={Math.min(used, limit)} aria-valuetext={text} title={text}>
      <svg viewBox="0 0 100 4" preserveAspectRatio="none" aria-hidden="true">
        <rect className={styles.track} width="100" height="4" />
        <rect width={Math.min(100, (100 * used) / limit)} height="4" />
      </svg>
      <span>
        {fill === 'full' || fill === 'over' ? '! ' : ''}
        {words('use', { used: thousands(used), limit: thousands(limit) })}
      </span>
    </span>
  );
}

// What to do when the conversation is about to be too large, or is.
export function ContextWarning(): ReactNode {
  const words = useWords('composer.context');
  const used = usePageState(contextUsed);
  const limit = usePageState(contextLimit);
  const model = usePageState(nextModel);
  const fill = fillOf({ used, limit });
  if (fill !== 'full' && fill !== 'over') return null;
  return (
    <p className={classes(styles.warning, 'err')} role="status">
      <span>{fill === 'full' ? words('full') : words('over', { model, used: thousands(used ?? 0), limit: thousands(limit) })}</span>
      <ActionButton action={compactContext} argument={undefined} />
    </p>
  );
}
