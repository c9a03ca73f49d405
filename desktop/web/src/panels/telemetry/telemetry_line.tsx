// The figures on one line over the message, where the window has no column for them; pressed, it shows all of them.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { closeTelemetrySheet, toggleTelemetry } from '../../actions/view';
import { usePage, usePageState } from '../../hooks';
import { connection, contextOf } from '../../state';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { Sheet } from '../../ui/kit/dialog';
import { Button } from '../../ui/kit/button';
import { number, percent, UNKNOWN } from '../../strings/formats';
import { toneOf } from './metric';
import { STATUS_TONES, statusOf } from './status';
import { TelemetryPanel } from './telemetry';
import styles from './telemetry.module.css';
import { useAge } from './use_figures';

export function TelemetryLine(): ReactNode {
  const page = usePage();
  const words = useWords('telemetry');
  const isOpen = usePageState((state) => state.isTelemetrySheetOpen);
  const hasColumn = usePageState((state) => state.isTelemetryOpen);
  const rate = usePageState((state) => (state.figures.metrics ? Math.round(state.figures.metrics.tokensPerSec) : null));
  const context = usePageState((state) => {
    const found = contextOf(state);
    return found ? (100 * found.used) / found.limit : null;
  });
  // The stream of the open session counts, too.
  const status = usePageState((state) => (['reconnecting', 'disconnected'].includes(connection(state)) ? 'away' : statusOf(state)));
  const { isStale } = useAge();
  const close = () => void perform(page, closeTelemetrySheet, undefined);
  return (
    <>
      <button
        type="button"
        className={classes(styles.line, hasColumn && styles.narrowOnly, isStale && styles.stale)}
        aria-expanded={isOpen}
        onClick={() => void perform(page, toggleTelemetry, undefined)}
      >
        <span className="sr-only">{words('title')}</span> <span className="num">{words('lineRate', { rate: rate === null ? UNKNOWN : number(rate) })}</span> <span aria-hidden="true">·</span>{' '}
        <span className={classes('num', toneOf(context))}>{words('lineContext', { context: percent(context, 0) })}</span> <span aria-hidden="true">·</span>{' '}
        <span className={STATUS_TONES[status]}>
          {status === 'running' ? '●' : status === 'reading' ? '○' : '✕'} <span className="sr-only">{words(`line.${status}`)}</span>
        </span>
      </button>
      {isOpen ? (
        <Sheet isOpen isText onClose={close} title={words('title')}>
          <TelemetryPanel />
          <Button onClick={close}>{words('close')}</Button>
        </Sheet>
      ) : null}
    </>
  );
}
