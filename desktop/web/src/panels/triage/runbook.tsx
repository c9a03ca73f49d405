import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { openSession } from '../../actions/sessions';
import { containOthers, releaseOthers, replayTurn, saveEvidence, writePostMortem } from '../../actions/triage';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import styles from './triage.module.css';

// What can be done after a failure, in order, each with what it does.
export function Runbook(): ReactNode {
  const words = useWords('triage.runbook');
  const hasSession = usePageState((state) => state.selected !== '');
  const isFailed = usePageState((state) => state.transcript.resumable() !== undefined);
  return (
    <section aria-label={words('title')}>
      <h3>{words('title')}</h3>
      <p className="dim">{words('hint')}</p>
      <ol className={styles.runbook}>
        <li>
          <h4>{words('contain')}</h4>
          <p>{words('containWords')}</p>
          <ActionButton action={containOthers} argument={undefined} />
          <Contained />
        </li>
        <li>
          <h4>{words('evidence')}</h4>
          <p>{words('evidenceWords')}</p>
          <ActionButton action={saveEvidence} argument={undefined} />
          {hasSession ? null : <p className="dim">{words('noSession')}</p>}
        </li>
        <li>
          <h4>{words('replay')}</h4>
          <p>{words('replayWords')}</p>
          <ActionButton action={replayTurn} argument={undefined} />
          {isFailed ? null : <p className="dim">{words('replayNone')}</p>}
          <Replayed />
        </li>
        <li>
          <h4>{words('note')}</h4>
          <p>{words('noteWords')}</p>
          <ActionButton action={writePostMortem} argument={undefined} />
          {hasSession ? null : <p className="dim">{words('noSession')}</p>}
        </li>
      </ol>
    </section>
  );
}

function Contained(): ReactNode {
  const page = usePage();
  const words = useWords('triage.runbook');
  const contained = usePageState((state) => state.diagnosis?.contained);
  if (!contained) return null;
  return (
    <div className={styles.result}>
      <p role="status">{words('contained', { count: contained.length })}</p>
      {contained.length ? (
        <p className={styles.buttons}>
          {contained.map((sid) => (
            <a key={sid} href={page.address({ view: 'session', sid })}>
              s-{sid}
            </a>
          ))}
          <ActionButton action={releaseOthers} argument={undefined} />
        </p>
      ) : null}
    </div>
  );
}

function Replayed(): ReactNode {
  const page = usePage();
  const words = useWords('triage.runbook');
  const replayed = usePageState((state) => state.replayed);
  if (!replayed) return null;
  return (
    <p className={styles.result} role="status">
      {replayed.text}{' '}
      <button type="button" className="quiet" onClick={() => void perform(page, openSession, replayed.sid)}>
        {words('replaySession', { sid: replayed.sid })}
      </button>
    </p>
  );
}
