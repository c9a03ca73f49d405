import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { pullModel } from '../../actions/models';
import { usePage } from '../../hooks';
import type { LmxAvailable } from '../../protocol';
import { availableQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { bytesText } from '../../strings/formats';
import styles from './models.module.css';

interface Props {
  repo: string;
  // Bytes that LMX may use, 0 when it does not say.
  limit: number;
  onEnd: () => void;
}

// What a download brings and takes, before it begins.
export function FetchFacts({ repo, limit, onEnd }: Props): ReactNode {
  const page = usePage();
  const words = useWords('models.facts');
  const { data, error } = useQuery(availableQuery(page.daemon, repo));
  const title = words('title', { repo: line(repo) });
  const fits = !data?.free || data.free > data.bytes;
  const fetch = async (found: LmxAvailable) => {
    if (await perform(page, pullModel, { repo: found.repo, revision: found.revision })) onEnd();
  };
  return (
    <section className={styles.asked} aria-label={title}>
      <h4>{title}</h4>
      {error ? (
        <p className="err" role="alert">
          {line(error.message)}
        </p>
      ) : data ? (
        <FactList found={data} limit={limit} />
      ) : (
        <p className="dim pulse">{words('reading', { repo: line(repo) })}</p>
      )}
      <p className={styles.buttons}>
        <Button size="small" onClick={onEnd}>
          {words('cancel')}
        </Button>
        {data ? (
          <Button size="small" look="primary" disabled={!fits} onClick={() => void fetch(data)}>
            {words('fetch', { size: bytesText(data.bytes) })}
          </Button>
        ) : null}
      </p>
    </section>
  );
}

function FactList({ found, limit }: { found: LmxAvailable; limit: number }): ReactNode {
  const words = useWords('models.facts');
  const { bytes, files, free = 0, licence = '', revision } = found;
  const size = bytesText(bytes);
  const isFull = free > 0 && free <= bytes;
  const isTooLarge = limit > 0 && bytes >= limit;
  return (
    <dl className={styles.facts}>
      <dt>{words('licence')}</dt>
      <dd>{licence ? line(licence) : words('notStated')}</dd>
      <dt>{words('size')}</dt>
      <dd className="num">{words('files', { size, count: files })}</dd>
      <dt>{words('disk')}</dt>
      <dd className={isFull ? 'err' : 'num'}>{free ? (isFull ? words('tooSmall', { free: bytesText(free) }) : words('left', { free: bytesText(free), left: bytesText(free - bytes) })) : words('unknown')}</dd>
      <dt>{words('memory')}</dt>
      <dd className={isTooLarge ? 'warn' : 'num'}>{limit ? words(isTooLarge ? 'tooLarge' : 'weights', { size, limit: bytesText(limit) }) : words('unknown')}</dd>
      <dt>{words('revision')}</dt>
      <dd>
        <code>{line(revision.slice(0, 12))}</code>
      </dd>
    </dl>
  );
}
