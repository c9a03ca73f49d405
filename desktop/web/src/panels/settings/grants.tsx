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
import { Section, Waiting } from './section';
import styles from './settings.module.css';
import { dateTime } from '../../strings/formats';

// Everything that is allowed without a question, in the words that were shown before it was written.
export function Grants(): ReactNode {
  const page = usePage();
  const words = useWords('settings.grants');
  const { data: grants, error } = useQuery(grantsQuery(page.daemon));
  return (
    <Section title={words('title')} hint={words('hint')} command="opta policy list">
      <Waiting error={error} isRead={grants !== undefined} />
      {grants?.length === 0 ? <p className="dim">{words('none')}</p> : null}
      <ul className={styles.rows}>
        {(grants ?? []).map((grant) => (
          <li key={grant.id}>
            <span className={styles.words}>
              <code className="exact">
                <Exact text={grant.words} />
              </code>{' '}
              <span className="dim">{[words('folder', { cwd: line(grant.cwd) }), grant.expires ? words('until', { when: dateTime(grant.expires) }) : ''].filter(Boolean).join(' · ')}</span>
            </span>
            <Button size="small" aria-label={words('revokeOf', { words: line(grant.words) })} onClick={() => void perform(page, revokeGrant, grant.id)}>
              {words('revoke')}
            </Button>
          </li>
        ))}
      </ul>
    </Section>
  );
}
