import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { removeProvider } from '../../actions/settings';
import { usePage } from '../../hooks';
import { providersQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { Section } from './section';
import styles from './settings.module.css';

// The servers of models that turns can go to, each with whether it answers now.
export function Providers(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const { data, error } = useQuery({ ...providersQuery(page.daemon), staleTime: 0 });
  const providers = data?.providers;
  return (
    <Section title={words('providers.title')} command="opta provider list">
      {error ? <p className="err">{error.message}</p> : providers ? null : <p className="dim pulse">{words('looking')}</p>}
      <ul className={styles.list}>
        {(providers ?? []).map((provider) => (
          <li key={provider.name}>
            <span className={styles.words}>
              {line(provider.name)} <code>{line(provider.baseUrl)}</code> <span className="dim">{words('providers.states', { state: provider.state })}</span> ·{' '}
              <span className={provider.healthy ? 'ok' : 'err'}>{provider.healthy ? words('providers.healthy') : words('providers.unhealthy', { reason: line(provider.reason ?? '') })}</span>
            </span>
            {provider.type === 'lmx' ? null : (
              <Button size="small" aria-label={words('providers.removeOf', { name: line(provider.name) })} onClick={() => void perform(page, removeProvider, provider.name)}>
                {words('providers.remove')}
              </Button>
            )}
          </li>
        ))}
      </ul>
    </Section>
  );
}
