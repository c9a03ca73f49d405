// Models to fetch that fit the memory of this machine, and how far their downloads are.

import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useEffect } from 'react';
import { ActionButton } from '../../actions/button';
import { fetchModel } from '../../actions/models';
import { usePage, usePageState } from '../../hooks';
import type { LmxOffer, LmxPull } from '../../protocol';
import { foundModelsQuery, lmxModelsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import styles from './first_run.module.css';
import { ModelChoice } from './model_choice';
import { bytesText } from '../../strings/formats';

export function FetchedModels(): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const found = useQuery(foundModelsQuery(page.daemon));
  const pulls = useQuery(lmxModelsQuery(page.daemon)).data?.pulls ?? [];
  const finished = pulls.filter((pull) => pull.state === 'done').length;
  useEffect(() => {
    // What was fetched is on the disk now, and LMX lists it.
    if (!finished) return;
    void page.queries.invalidateQueries({ queryKey: ['models', 'found'] });
    page.refreshModels();
  }, [page, finished]);
  if (!found.data) return null;
  const offers = found.data.offers ?? [];
  return (
    <section className={styles.group} aria-label={words('model.offers')}>
      <h4>{words('model.offers')}</h4>
      {offers.length ? (
        <ul>
          {offers.map((offer) => (
            <Offer key={offer.id} offer={offer} pull={pulls.find(({ repo }) => repo === offer.id)} />
          ))}
        </ul>
      ) : (
        <p className="dim">{words('model.noOffers')}</p>
      )}
    </section>
  );
}

function Offer({ offer, pull }: { offer: LmxOffer; pull: LmxPull | undefined }): ReactNode {
  const words = useWords('firstRun');
  const isAsked = usePageState((state) => state.busyModel === offer.id);
  const name = offer.id.split('/').at(-1) ?? offer.id;
  const size = bytesText(offer.bytes);
  if (pull?.state === 'done') return <ModelChoice id={`lmx/${pull.name}`} name={name} about={words('model.fetched')} />;
  const isUnderWay = pull?.state === 'pulling' || pull?.state === 'looking';
  return (
    <li className={styles.choice}>
      <span className={styles.name} title={offer.id}>
        {name}
      </span>
      <span className={styles.about}>{[offer.words, words('model.needs', { needed: bytesText(offer.needed) }), offer.licence ? words('model.licence', { licence: offer.licence }) : ''].filter(Boolean).join(' · ')}</span>
      {isUnderWay ? (
        <span className={styles.progress}>
          <progress aria-label={name} max={pull.total || 1} value={pull.done ?? 0} />
          <span className="num">{pull.total ? words('model.fetching', { done: bytesText(pull.done ?? 0), total: bytesText(pull.total) }) : words('model.looking_up')}</span>
        </span>
      ) : (
        <ActionButton action={fetchModel} argument={offer.id} title={words('model.fetchTitle', { repo: offer.id, size })}>
          {isAsked ? words('model.looking_up') : words('model.fetch', { size })}
        </ActionButton>
      )}
      {pull?.state === 'failed' ? (
        <span className={`${styles.failed} err`} role="alert">
          {words('model.fetchFailed', { reason: pull.message ?? '' })}
        </span>
      ) : null}
    </li>
  );
}
