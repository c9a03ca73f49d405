import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { moveProvider, removeProvider, testProvider } from '../../actions/setting_changes';
import { usePage } from '../../hooks';
import type { ProviderInfo, ProviderTested } from '../../protocol';
import { providersQuery } from '../../queries';
import { testedQuery } from '../../setting_queries';
import { dateTime, number } from '../../strings/formats';
import { useWords } from '../../strings/strings';
import { Revealed } from '../../ui/exact';
import { Button, IconButton } from '../../ui/kit/button';
import { line } from '../../visible';
import { ConfirmButton } from './confirm_button';
import { AddProvider } from './provider_form';
import { ProviderOptions } from './provider_options';
import { Section, Waiting } from './section';
import styles from './settings.module.css';

// The servers of models in the order in which turns fall back to them, each with whether it answers now.
export function ModelServers(): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const { data, error } = useQuery({ ...providersQuery(page.daemon), staleTime: 0 });
  const providers = data?.providers ?? [];
  return (
    <>
      <Section title={words('title')} hint={words('hint')} command="opta provider list">
        <Waiting error={error} isRead={data !== undefined} />
        <ol className={styles.rows}>
          {providers.map((provider) => (
            <Row key={provider.name} provider={provider} providers={providers} />
          ))}
        </ol>
        <p className="dim">{words('testHint')}</p>
      </Section>
      <AddProvider />
    </>
  );
}

function Row({ provider, providers }: { provider: ProviderInfo; providers: readonly ProviderInfo[] }): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const name = line(provider.name);
  const move = (by: 1 | -1) => ({ providers, name: provider.name, by });
  return (
    <li>
      <span className={styles.words}>
        {name} <code>{line(provider.baseUrl)}</code> <span className="dim">{words('states', { state: provider.state })}</span> ·{' '}
        <span className={provider.healthy ? 'ok' : 'err'}>{provider.healthy ? words('healthy') : words('unhealthy', { reason: line(provider.reason ?? '') })}</span>
        {provider.coolingUntil ? <span className="warn"> · {words('cooling', { when: dateTime(provider.coolingUntil) })}</span> : null}
      </span>
      <span className={styles.buttons}>
        {provider.type === 'lmx' && provider.name === 'lmx' ? null : (
          <>
            <IconButton size="small" label={words('up', { name })} disabled={!moveProvider.when(page.state, move(-1))} onClick={() => void perform(page, moveProvider, move(-1))}>
              ↑
            </IconButton>
            <IconButton size="small" label={words('down', { name })} disabled={!moveProvider.when(page.state, move(1))} onClick={() => void perform(page, moveProvider, move(1))}>
              ↓
            </IconButton>
          </>
        )}
        <Test name={provider.name} />
        {provider.name === 'lmx' ? null : (
          <ConfirmButton label={words('removeOf', { name })} sure={words('sure')} onSure={() => perform(page, removeProvider, provider.name)}>
            {words('remove')}
          </ConfirmButton>
        )}
      </span>
      <Tested name={provider.name} />
      {provider.name === 'lmx' ? null : <ProviderOptions name={provider.name} />}
    </li>
  );
}

function Test({ name }: { name: string }): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const { isFetching } = useQuery(testedQuery(page.daemon, name));
  return (
    <Button size="small" disabled={isFetching} aria-label={words('testOf', { name: line(name) })} onClick={() => void perform(page, testProvider, name)}>
      {words('test')}
    </Button>
  );
}

// What the last test found, as long as the page is open.
function Tested({ name }: { name: string }): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const { data, error, isFetching } = useQuery(testedQuery(page.daemon, name));
  if (isFetching)
    return (
      <p className={`${styles.whole} dim pulse`} role="status">
        {words('testing')}
      </p>
    );
  if (error) return <p className={`${styles.whole} err`}>{error.message}</p>;
  return data ? <Result tested={data} /> : null;
}

function Result({ tested }: { tested: ProviderTested }): ReactNode {
  const words = useWords('settings.providers.result');
  const state = tested.state ?? 'skipped';
  const seconds = (ms: number | undefined) => number((ms ?? 0) / 1000, 1);
  const model = line(tested.model ?? '');
  if (state === 'ok')
    return (
      <p className={styles.whole} role="status">
        <span className="ok">✓ </span>
        {words('ok', { model, seconds: seconds(tested.elapsedMs), first: seconds(tested.firstTokenMs), answer: line(tested.answer ?? '') })} <span className="dim">{words('tool', { tool: tested.tool || 'none' })}</span>
      </p>
    );
  return (
    <p className={`${styles.whole} ${state === 'skipped' ? 'warn' : 'err'}`} role="status">
      {state === 'skipped' ? '◆ ' : '✕ '}
      <Revealed text={words(state, { model, reason: line(tested.reason ?? '') })} />
    </p>
  );
}
