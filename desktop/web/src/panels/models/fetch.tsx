import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { usePage } from '../../hooks';
import { foundModelsQuery, hubSearchQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { bytesText } from '../../strings/formats';
import { Section } from '../settings/section';
import { FetchFacts } from './fetch_facts';
import styles from './models.module.css';

const REPO = /^[A-Za-z0-9][\w.-]*\/[A-Za-z0-9][\w.-]*$/;

// From words to a download: a search or a recommendation, then what would be fetched, then the download. `limit`: memory that LMX may use.
export function Fetch({ limit }: { limit: number }): ReactNode {
  const page = usePage();
  const words = useWords('models.fetch');
  const [typed, setTyped] = useState('');
  const [searched, setSearched] = useState('');
  const [repo, setRepo] = useState('');
  const search = () => {
    const wanted = typed.trim();
    if (REPO.test(wanted)) setRepo(wanted);
    else setSearched(wanted);
  };
  const found = useQuery(foundModelsQuery(page.daemon)).data;
  const offers = (found?.offers ?? []).map(({ id, bytes, licence = '', words: about = '' }) => ({ repo: id, bytes, about: [about, licence ? words('licence', { licence }) : ''] }));
  return (
    <Section title={words('title')} hint={words('hint')} command="opta models search WORDS">
      <form
        className={styles.form}
        onSubmit={(event) => {
          event.preventDefault();
          search();
        }}
      >
        <input aria-label={words('words')} placeholder={words('words')} value={typed} maxLength={200} onChange={(event) => setTyped(event.target.value)} />
        <Button type="submit" size="small" disabled={!typed.trim()}>
          {words('search')}
        </Button>
      </form>
      {repo ? <FetchFacts key={repo} repo={repo} limit={limit} onEnd={() => setRepo('')} /> : null}
      {searched ? <Results searched={searched} onLook={setRepo} /> : null}
      {offers.length ? <Choices title={`${words('offers')} · ${words('offersHint', { available: bytesText(found?.available ?? 0) })}`} choices={offers} onLook={setRepo} /> : null}
    </Section>
  );
}

function Results({ searched, onLook }: { searched: string; onLook: (repo: string) => void }): ReactNode {
  const page = usePage();
  const words = useWords('models.fetch');
  const { data, error } = useQuery(hubSearchQuery(page.daemon, searched));
  const problem = error?.message ?? data?.problem ?? '';
  if (problem)
    return (
      <p className="err" role="alert">
        {words('notAsked', { reason: line(problem) })}
      </p>
    );
  if (!data) return <p className="dim pulse">{words('searching')}</p>;
  if (!data.models?.length) return <p className="dim">{words('nothing')}</p>;
  const choices = data.models.map(({ repo, bytes = 0, licence = '', gated, problem: why = '', downloads = 0 }) => ({
    repo,
    bytes,
    isUsable: !why,
    about: [why, licence ? words('licence', { licence }) : '', gated ? words('gated') : '', downloads ? words('downloads', { count: downloads }) : ''],
  }));
  return <Choices title={words('results')} choices={choices} onLook={onLook} />;
}

interface Choice {
  repo: string;
  bytes: number;
  about: string[];
  isUsable?: boolean;
}

function Choices({ title, choices, onLook }: { title: string; choices: readonly Choice[]; onLook: (repo: string) => void }): ReactNode {
  const words = useWords('models.fetch');
  return (
    <>
      <h4>{title}</h4>
      <ul className={styles.list} aria-label={title}>
        {choices.map(({ repo, bytes, about, isUsable = true }) => (
          <li key={repo}>
            <span className={styles.words}>
              {line(repo)} <span className="dim num">{[bytes ? bytesText(bytes) : '', ...about].filter(Boolean).map(line).join(' · ')}</span>
            </span>
            {isUsable ? (
              <Button size="small" aria-label={words('lookAt', { repo: line(repo) })} onClick={() => onLook(repo)}>
                {words('look')}
              </Button>
            ) : null}
          </li>
        ))}
      </ul>
    </>
  );
}
