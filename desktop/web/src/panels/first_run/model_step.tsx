// What can answer: servers that run, models on this disk, models that are set up, and models to fetch that fit.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { usePage, usePageState } from '../../hooks';
import { foundModelsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { FetchedModels } from './fetched_models';
import styles from './first_run.module.css';
import { LocalServers } from './local_servers';
import { ModelChoice } from './model_choice';
import { bytesText } from '../../strings/formats';

export function ModelStep(): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const isProbe = usePageState((state) => state.models.some((model) => model.default && model.capability === 'probe'));
  const found = useQuery(foundModelsQuery(page.daemon));
  return (
    <>
      <p>{isProbe ? words.rich('model.probe', { code: (chunks) => <code>{chunks}</code> }) : words('model.none')}</p>
      <LocalServers />
      <ConfiguredModels isLmxRemote={found.data?.isRemote === true} />
      {found.data?.isRemote ? (
        <p className="dim">{words('model.elsewhere', { host: found.data.host ?? '' })}</p>
      ) : (
        <>
          <DiskModels />
          <FetchedModels />
        </>
      )}
      <p className="dim">{words.rich('model.others', { code: (chunks) => <code>{chunks}</code> })}</p>
    </>
  );
}

// Models of servers that were added, but do not answer by default.
function ConfiguredModels({ isLmxRemote }: { isLmxRemote: boolean }): ReactNode {
  const words = useWords('firstRun');
  const all = usePageState((state) => state.models);
  const models = all.filter((model) => model.healthy && !model.default && !['probe', 'embedding'].includes(model.capability ?? '') && (model.provider !== 'lmx' || isLmxRemote));
  if (!models.length) return null;
  return (
    <section className={styles.group} aria-label={words('model.configured')}>
      <h4>{words('model.configured')}</h4>
      <ul>
        {models.slice(0, 5).map((model) => (
          <ModelChoice key={model.id} id={model.id} name={model.name} about={model.provider} />
        ))}
      </ul>
    </section>
  );
}

function DiskModels(): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const { data, error, isPending } = useQuery(foundModelsQuery(page.daemon));
  const here = data?.here ?? [];
  const models = data?.models ?? [];
  const unusable = models.filter((model) => !model.runnable && model.capability !== 'probe');
  return (
    <section className={styles.group} aria-label={words('model.here')} aria-busy={isPending}>
      <h4>
        {words('model.here')} {data?.available ? <span className="dim">· {words('model.memory', { available: bytesText(data.available) })}</span> : null}
      </h4>
      {here.length ? (
        <ul>
          {here.map((offer) => {
            const needed = bytesText(offer.needed);
            const origin = models.find((model) => model.id === offer.id)?.origin ?? '';
            return (
              <ModelChoice key={offer.id} id={`lmx/${offer.id}`} name={offer.id} about={[origin, offer.fits ? words('model.needs', { needed }) : words('model.tooLarge', { needed })].filter(Boolean).join(' · ')} isUsable={offer.fits} />
            );
          })}
        </ul>
      ) : (
        <p className="dim" role="status">
          {error ? error.message : isPending ? words('model.readingHere') : words('model.noneHere')}
        </p>
      )}
      {unusable.length ? (
        <details>
          <summary className="dim">{words('model.unusable', { count: unusable.length })}</summary>
          <ul>
            {unusable.map((model) => (
              <li key={model.path} className={styles.unusable}>
                <span>{model.id}</span> <span className="dim">{[model.origin, model.problem].filter(Boolean).join(' · ')}</span>
              </li>
            ))}
          </ul>
        </details>
      ) : null}
    </section>
  );
}
