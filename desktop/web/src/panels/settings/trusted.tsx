import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { withdrawTrust } from '../../actions/settings';
import { usePage } from '../../hooks';
import { trustedQuery } from '../../setting_queries';
import { dateTime } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { line } from '../../visible';
import { ConfirmButton } from './confirm_button';
import { Section, Waiting } from './section';
import styles from './settings.module.css';

// The folders that a person trusts, and whether they still are what was trusted.
export function Trusted(): ReactNode {
  const page = usePage();
  const words = useWords('settings.trusted');
  const { data, error } = useQuery(trustedQuery(page.daemon));
  return (
    <Section title={words('title')} hint={words('hint')} command="opta policy trusted">
      <Waiting error={error} isRead={data !== undefined} />
      {data?.folders.length === 0 ? <p className="dim">{words('none')}</p> : null}
      <ul className={styles.rows}>
        {(data?.folders ?? []).map((folder) => (
          <li key={folder.path}>
            <span className={styles.words}>
              <code className="exact">
                <Exact text={folder.path} />
              </code>{' '}
              <span className={folder.state === 'trusted' ? 'ok' : 'warn'}>{words(`states.${folder.state}`)}</span>{' '}
              <span className="dim" title={folder.files.map(line).join('\n')}>
                {[folder.since ? words('since', { when: dateTime(folder.since) }) : '', words('files', { count: folder.files.length })].filter(Boolean).join(' · ')}
              </span>
            </span>
            <ConfirmButton label={words('withdrawOf', { path: line(folder.path) })} sure={words('sure')} onSure={() => perform(page, withdrawTrust, folder.path)}>
              {words('withdraw')}
            </ConfirmButton>
          </li>
        ))}
      </ul>
    </Section>
  );
}
