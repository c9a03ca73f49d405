// The machines whose LMX is used: whether each answers, those that offer one on this network, pairing by a code, and removal.

import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { checkLmxHosts, findLmxHosts, forgetLmxHost, pairLmxHost } from '../../actions/setting_changes';
import { usePage } from '../../hooks';
import type { LmxHostInfo } from '../../protocol';
import { foundHostsQuery, hostsQuery } from '../../setting_queries';
import { useWords } from '../../strings/strings';
import { Revealed } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { ConfirmButton } from './confirm_button';
import { Section, Waiting } from './section';
import styles from './settings.module.css';

const HASH = 'sha256';

export function LmxHosts(): ReactNode {
  const page = usePage();
  const words = useWords('settings.lmx');
  const { data, error, isFetching } = useQuery(hostsQuery(page.daemon));
  const [host, setHost] = useState('');
  return (
    <>
      <Section title={words('title')} hint={words('hint')} command="opta lmx hosts">
        <Waiting error={error} isRead={data !== undefined} />
        <ul className={styles.rows}>
          {(data?.hosts ?? []).map((each) => (
            <Host key={`${each.role} ${each.provider} ${each.host}`} host={each} />
          ))}
        </ul>
        <div className={styles.row}>
          <Button size="small" disabled={isFetching} onClick={() => void perform(page, checkLmxHosts, undefined)}>
            {words('check')}
          </Button>
        </div>
      </Section>
      <Pair host={host} onHost={setHost} main={data?.hosts.find((each) => each.role === 'main')?.host ?? ''} />
    </>
  );
}

function Host({ host }: { host: LmxHostInfo }): ReactNode {
  const page = usePage();
  const words = useWords('settings.lmx');
  const isHere = host.role === 'here';
  return (
    <li>
      <span className={styles.words}>
        <code>{line(host.host)}</code> <span className="dim">{words(`roles.${host.role}`, { name: line(host.provider ?? '') })}</span> ·{' '}
        <span className={host.healthy ? 'ok' : 'err'}>{host.healthy ? words('healthy', { ms: String(Math.round(host.latencyMs ?? 0)), count: (host.models ?? []).length }) : <Revealed text={host.reason ?? ''} />}</span>
        {isHere ? null : <span className={`${styles.line} ${host.isPaired ? 'dim' : 'warn'}`}>{words(host.isPaired ? 'paired' : 'plain')}</span>}
      </span>
      {isHere ? null : (
        <ConfirmButton label={words('removeOf', { host: line(host.host) })} sure={words('sure')} onSure={() => perform(page, forgetLmxHost, host.host)}>
          {words('remove')}
        </ConfirmButton>
      )}
    </li>
  );
}

// `main`: the host that turns to lmx/MODEL go to now; '' for this machine.
function Pair({ host, onHost, main }: { host: string; onHost: (host: string) => void; main: string }): ReactNode {
  const page = usePage();
  const words = useWords('settings.lmx');
  const found = useQuery(foundHostsQuery(page.daemon));
  const [code, setCode] = useState('');
  const [provider, setProvider] = useState('');
  const [isPairing, setPairing] = useState(false);
  const wanted = { host: host.trim(), code: code.trim(), ...(provider.trim() ? { provider: provider.trim() } : {}) };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setPairing(true);
    const isPaired = await perform(page, pairLmxHost, wanted);
    setPairing(false);
    // A code is good for a few tries only, and for one pairing.
    setCode('');
    if (!isPaired) return;
    onHost('');
    setProvider('');
  };
  const field = (label: string, value: string, onChange: (text: string) => void, isNumber = false) => (
    <label className={styles.field}>
      <span>{label}</span>
      <input value={value} autoComplete="off" spellCheck={false} inputMode={isNumber ? 'numeric' : 'text'} maxLength={isNumber ? 6 : 300} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
  return (
    <Section title={words('addTitle')} hint={words('addHint')} command="opta lmx pair HOST">
      <div className={styles.row}>
        <Button size="small" disabled={found.isFetching} onClick={() => void perform(page, findLmxHosts, undefined)}>
          {words('find')}
        </Button>
        {found.isFetching ? (
          <span className="dim pulse" role="status">
            {words('finding')}
          </span>
        ) : null}
        {found.error && !found.isFetching ? <span className="err">{found.error.message}</span> : null}
      </div>
      {found.data && !found.isFetching ? <p className="dim">{found.data.hosts.length ? words('found') : words('foundNone')}</p> : null}
      <ul className={styles.rows}>
        {(found.data?.hosts ?? []).map((each) => (
          <li key={each.host}>
            <span className={styles.words}>
              {line(each.name)} <code>{line(each.host)}</code> <span className="dim">{`${HASH} ${line(each.fingerprint).slice(0, 16)}…`}</span>
            </span>
            <Button size="small" onClick={() => onHost(each.host)}>
              {words('useFound', { host: line(each.host) })}
            </Button>
          </li>
        ))}
      </ul>
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        {field(words('host'), host, onHost)}
        {field(words('code'), code, setCode, true)}
        {field(words('provider'), provider, setProvider)}
        <Button type="submit" disabled={isPairing || !pairLmxHost.when(page.state, wanted)}>
          {words('add')}
        </Button>
      </form>
      {main && wanted.host && !wanted.provider ? <p className="warn">{words('replaces', { host: line(main) })}</p> : null}
    </Section>
  );
}
