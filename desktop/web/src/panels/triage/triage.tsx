import type { ReactNode } from 'react';
import { ActionButton } from '../../actions/button';
import { applyFix, canFix, containOthers, diagnose, replayTurn, saveEvidence, writePostMortem } from '../../actions/triage';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import styles from './triage.module.css';
import { number, timeOfUtc } from '../../strings/formats';
import { useMessages } from 'use-intl';
import type { Action } from '../../actions/action';
import { wordsOf } from '../../actions/words';

// What is wrong, in five steps with their evidence, and the fix as a button.
export function Triage(): ReactNode {
  const page = usePage();
  const words = useWords('triage');
  const diagnosis = usePageState((state) => state.diagnosis);
  const isDiagnosing = usePageState((state) => state.isDiagnosing);
  const isFixing = usePageState((state) => state.isFixing);
  const replayed = usePageState((state) => state.replayed);
  const isFailed = usePageState((state) => state.transcript.resumable() !== undefined);
  const fix = diagnosis?.fix;
  const mark = diagnosis?.evidence.marks?.at(-1);
  const sid = diagnosis?.evidence.session ?? '';
  const took = diagnosis?.elapsedMs ?? 0;
  const time = diagnosis ? timeOfUtc(diagnosis.at) : '';
  const messages = useMessages();
  const named = (action: Action<never>) => wordsOf(action, messages).name;
  return (
    <section className={styles.triage} aria-label={words('title')} aria-busy={isDiagnosing || isFixing}>
      <h2>{words('title')}</h2>
      <div className={styles.buttons}>
        <ActionButton action={diagnose} argument={undefined} title={named(diagnose)}>
          {isDiagnosing ? words('diagnosing') : undefined}
        </ActionButton>
      </div>
      {diagnosis ? (
        <>
          <p className={diagnosis.healthy ? 'ok' : 'err'} role="status" lang={diagnosis.healthy ? undefined : 'en'}>
            {diagnosis.healthy ? words('healthy') : words('broken', { domain: diagnosis.domain ?? '', reason: diagnosis.reason ?? '' })}
          </p>
          <ol>
            {diagnosis.steps.map((step) => (
              <li key={step.number}>
                <span className={step.ok ? 'ok' : 'warn'}>{step.ok ? '✓' : '✕'}</span> <strong>{words(`steps.${step.name}`)}</strong> <span className="dim" lang="en">{step.text}</span>
                {step.name === 'divergence' && mark && sid ? (
                  <>
                    {' '}
                    <a href={page.address({ view: 'session', sid, seq: mark.seq })}>{words('inTimeline', { seq: mark.seq.toString() })}</a>
                  </>
                ) : null}
              </li>
            ))}
          </ol>
          {fix ? (
            canFix(fix) ? (
              <ActionButton action={applyFix} argument={fix} title={fix.command}>
                {isFixing ? words('fixing') : <span lang="en">{fix.label}</span>}
              </ActionButton>
            ) : (
              <>
                <p>{words.rich('command', { label: fix.label, command: () => <code>{fix.command}</code> })}</p>
                <ActionButton action={diagnose} argument={undefined} title={named(diagnose)}>
                  {words('lookAgain')}
                </ActionButton>
              </>
            )
          ) : null}
          <p className="dim num">{took ? words('took', { seconds: number(took / 1000, 1), time }) : words('at', { time })}</p>
          {diagnosis.contained ? <p role="status">{words('contained', { count: diagnosis.contained.length })}</p> : null}
        </>
      ) : null}
      <fieldset className={styles.recovery} aria-label={words('recovery')}>
        <h3>{words('recovery')}</h3>
        <ActionButton action={containOthers} argument={undefined} className="quiet" title={named(containOthers)} />
        <ActionButton action={saveEvidence} argument={undefined} className="quiet" title={named(saveEvidence)} />
        {isFailed ? <ActionButton action={replayTurn} argument={undefined} className="quiet" title={named(replayTurn)} /> : null}
        <ActionButton action={writePostMortem} argument={undefined} className="quiet" title={named(writePostMortem)} />
      </fieldset>
      {replayed ? <p role="status">{replayed}</p> : null}
    </section>
  );
}
