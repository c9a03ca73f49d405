import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { revokeGrant } from '../../actions/settings';
import { usePage } from '../../hooks';
import { grantsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { Section } from './section';
import styles from './settings.module.css';
import { dateTime } from '../../strings/formats';

// Everything that is allowed without a question, in the words that were shown before it was written.
export function Grants(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const { data: grants, error } = useQuery(grantsQuery(page.daemon));
  return (
    <Section title={words('grants.title')} hint={words('grants.hint')} command="opta policy list">
      {error ? <p className="err">{error.message}</p> : grants ? null : <p className="dim pulse">{words('looking')}</p>}
      {grants?.length === 0 ? <p className="dim">{words('grants.none')}</p> : null}
      <ul className={styles.list}>
        {(grants ?? []).map((grant) => (
          <li key={grant.id}>
            <span className={styles.words}>
              <code className="exact">
                <Exact text={grant.words} />
              </code>{' '}
              <span className="dim">{[words('grants.folder', { cwd: line(grant.cwd) }), grant.expires ? words('grants.until', { when: dateTime(grant.expires) }) : ''].filter(Boolean).join(' · ')}</span>
            </span>
            <Button size="small" aria-label={words('grants.revokeOf', { words: line(grant.words) })} onClick={() => void perform(page, revokeGrant, grant.id)}>
              {words('grants.revoke')}
            </Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
