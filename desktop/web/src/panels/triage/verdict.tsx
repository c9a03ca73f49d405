import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { diagnose } from '../../actions/triage';
import { usePageState } from '../../hooks';
import type { Diagnosis } from '../../protocol';
import { nextModel } from '../../state';
import { number, timeWithSeconds } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import { FixOffer } from './fix_offer';
import styles from './triage.module.css';

export const TONES = { fault: 'err', degraded: 'warn', recovered: 'info' } as const;

// The failure domain, its reason and its fix: the first thing to be seen.
export function Verdict(): ReactNode {
  const words = useWords('triage');
  const diagnosis = usePageState((state) => state.diagnosis);
  const isDiagnosing = usePageState((state) => state.isDiagnosing);
  const isFixing = usePageState((state) => state.isFixing);
  const model = usePageState(nextModel);
  const tone = diagnosis?.domain && diagnosis.severity !== 'recovered' ? TONES[diagnosis.severity ?? 'fault'] : diagnosis ? 'ok' : '';
  return (
    <section className={classes(styles.verdict, tone && styles[tone])} aria-label={words('verdict')} aria-busy={isDiagnosing || isFixing}>
      {isDiagnosing || isFixing ? (
        <p className="pulse" role="status">
          {words(isFixing ? 'fixing' : 'diagnosing')}
        </p>
      ) : diagnosis ? (
        <Found diagnosis={diagnosis} />
      ) : (
        <p>{model ? words('intro', { model: line(model) }) : words('introNoModel')}</p>
      )}
      <p className={styles.buttons}>
        <ActionButton action={diagnose} argument={undefined} className={diagnosis ? 'quiet' : 'primary'}>
          {diagnosis ? words('again') : undefined}
        </ActionButton>
        {diagnosis && !isDiagnosing ? <Took diagnosis={diagnosis} /> : null}
      </p>
    </section>
  );
}

function Found({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage');
  const { domain, severity = 'fault', reason = '', fix } = diagnosis;
  if (!domain)
    return (
      <p className={classes(styles.domain, 'ok')} role="status">
        {words('healthy')}
      </p>
    );
  return (
    <>
      <div role="status">
        {severity === 'recovered' ? <p className={classes(styles.domain, 'ok')}>{words('healthyNow')}</p> : null}
        <p className={classes(styles.domain, TONES[severity ?? 'fault'])}>
          {words('domain', { domain, severity: severity ?? 'fault' })} <span className={styles.severity}>{words('domainWords', { severity: severity ?? 'fault' })}</span>
        </p>
        <p lang="en">{line(reason)}</p>
      </div>
      {fix ? <FixOffer key={`${fix.kind} ${fix.target ?? ''} ${diagnosis.at}`} fix={fix} isFirst /> : null}
    </>
  );
}

function Took({ diagnosis }: { diagnosis: Diagnosis }): ReactNode {
  const words = useWords('triage');
  const { at, elapsedMs } = diagnosis;
  const time = timeWithSeconds(at);
  return <span className="dim num">{elapsedMs ? words('took', { seconds: number(elapsedMs / 1_000, 1), time }) : words('at', { time })}</span>;
}
