import { type ReactNode, useEffect } from 'react';
import { perform } from '../../actions/action';
import { putTrustAside, trustFolder } from '../../actions/consent';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { ignoreHeld, useSettled } from '../../ui/settled';
import styles from './trust.module.css';
import { ActionLabel } from '../../actions/action_words';

// Asks whether to trust the folder, and shows what its own files ask for. Put aside, it stays away until those files change.
export function Trust(): ReactNode {
  const page = usePage();
  const words = useWords('trust');
  const cwd = usePageState((state) => state.transcript.cwd);
  const found = usePageState((state) => state.trust);
  const putAside = usePageState((state) => state.trustPutAside);

  useEffect(() => {
    if (cwd) page.readTrust(cwd).catch(() => undefined);
    else page.set({ trust: null });
  }, [page, cwd]);

  const isSettled = useSettled(found?.sha256 ?? '');
  if (!found?.needed || putAside === found.sha256) return null;
  const path = () => (
    <code className="exact">
      <Exact text={found.path} />
    </code>
  );
  return (
    <section className={styles.trust} aria-label={words('label')} onKeyDown={ignoreHeld}>
      <h3 className="warn">
        <span aria-hidden="true">◆</span> {words(found.state === 'changed' ? 'changedTitle' : 'title')}
      </h3>
      <div className={styles.body} tabIndex={0} role="group" aria-label={words('asks')}>
      <p>{words.rich('from', { path })}</p>
      <div className={styles.what}>
        {found.changes.length ? <Lines title={words('changes')} lines={found.changes} /> : null}
        <Lines title={words('asks')} lines={found.asks} />
      </div>
      <dl className={styles.choices}>
        <div>
          <dt>{words('ifTrusted')}</dt>
          <dd>{words('trusted')}</dd>
        </div>
        <div>
          <dt>{words('ifNot')}</dt>
          <dd>{words('not')}</dd>
        </div>
      </dl>
      <p className="dim">{words('hint')}</p>
      </div>
      <div className={styles.buttons}>
        <Button disabled={!isSettled} onClick={() => void perform(page, trustFolder, found.sha256)}>
          <ActionLabel action={trustFolder} />
        </Button>
        <Button look="primary" disabled={!isSettled} onClick={() => void perform(page, putTrustAside, found.sha256)}>
          <ActionLabel action={putTrustAside} />
        </Button>
      </div>
    </section>
  );
}

function Lines({ title, lines }: { title: string; lines: readonly string[] }): ReactNode {
  return (
    <div>
      <h4>{title}</h4>
      <ul>
        {lines.map((line) => (
          <li key={line} className="exact">
            <Exact text={line} />
          </li>
        ))}
      </ul>
    </div>
  );
}
