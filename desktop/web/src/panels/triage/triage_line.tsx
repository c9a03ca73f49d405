import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { diagnose, showTriage } from '../../actions/triage';
import { useActionWords } from '../../actions/words';
import { usePage, usePageState } from '../../hooks';
import { time as shortTime } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import styles from './triage.module.css';
import { TONES } from './verdict';

// The last diagnosis in one line of the telemetry; pressed, it shows the whole.
export function TriageLine(): ReactNode {
  const page = usePage();
  const words = useWords('triage');
  const show = useActionWords(showTriage);
  const diagnosis = usePageState((state) => state.diagnosis);
  const isDiagnosing = usePageState((state) => state.isDiagnosing);
  const time = diagnosis ? shortTime(diagnosis.at) : '';
  const domain = diagnosis?.domain ?? '';
  const severity = diagnosis?.severity ?? 'fault';
  const open = () => {
    page.set({ isTelemetrySheetOpen: false });
    void perform(page, showTriage, undefined);
  };
  return (
    <section aria-label={words('line')} className={styles.line}>
      <h2>{words('line')}</h2>
      <button type="button" className="quiet" title={show.name} onClick={open}>
        {isDiagnosing ? (
          <span className="pulse">{words('diagnosing')}</span>
        ) : !diagnosis ? (
          <span className="dim">{words('lineNever')}</span>
        ) : !domain || severity === 'recovered' ? (
          <span className="ok">{words('lineHealthy', { time })}</span>
        ) : (
          <span className={TONES[severity]}>{severity === 'fault' ? words('lineBroken', { domain, time }) : words('lineRisk', { time })}</span>
        )}
      </button>
      <ActionButton action={diagnose} argument={undefined} />
    </section>
  );
}
