import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { ActionButton } from '../../actions/button';
import { pausePull, pullModel } from '../../actions/models';
import { usePage } from '../../hooks';
import type { LmxPull } from '../../protocol';
import { foundModelsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { line } from '../../visible';
import { bytesText } from '../../strings/formats';
import { Section } from '../settings/section';
import styles from './models.module.css';

export function Downloads({ pulls }: { pulls: readonly LmxPull[] }): ReactNode {
  const page = usePage();
  const words = useWords('models.downloads');
  const { refetch } = useQuery({ ...foundModelsQuery(page.daemon), enabled: false });
  const finished = pulls.filter(({ state }) => state === 'done').length;
  useEffect(() => {
    // What was fetched is on the disk now.
    if (!finished) return;
    void refetch();
    page.refreshModels();
  }, [page, finished, refetch]);
  if (!pulls.length) return null;
  return (
    <Section title={words('title')}>
      <ul className={styles.list}>
        {pulls.map((pull) => (
          <Download key={pull.name} pull={pull} />
        ))}
      </ul>
    </Section>
  );
}

function Download({ pull }: { pull: LmxPull }): ReactNode {
  const words = useWords('models.downloads');
  const { name, repo, revision = '', done = 0, total = 0, state = 'looking' } = pull;
  const isUnderWay = state === 'pulling' || state === 'looking';
  return (
    <li>
      <span className={styles.words}>
        <b>{line(repo)}</b> <span className={state === 'failed' ? 'err' : 'dim'}>{words('state', { state })}</span>
        {total && state !== 'done' ? <span className="dim num"> · {words('sizes', { done: bytesText(done), total: bytesText(total) })}</span> : null}
        {state === 'failed' && pull.message ? <span className={`${styles.problem} err`}>{line(pull.message)}</span> : null}
      </span>
      {state === 'done' ? null : <progress aria-label={words('progressOf', { name: line(name) })} max={total || 1} value={total ? done : 0} />}
      {isUnderWay ? (
        <ActionButton action={pausePull} argument={name} label={words('pauseOf', { name: line(name) })}>
          {words('pause')}
        </ActionButton>
      ) : state === 'done' ? null : (
        <ActionButton action={pullModel} argument={{ repo, revision, name }} label={words('resumeOf', { name: line(name) })}>
          {words('resume')}
        </ActionButton>
      )}
    </li>
  );
}
