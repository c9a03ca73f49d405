// Model servers that run on this machine, and a form for one anywhere. What will be written is said before it is.

import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { lookForServers } from '../../actions/providers';
import { addProvider } from '../../actions/setting_changes';
import { usePage, usePageState } from '../../hooks';
import type { AddProvider as Wanted, DiscoveredServer } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Select } from '../../ui/kit/select';
import { line } from '../../visible';
import { Section } from './section';
import styles from './settings.module.css';

const TYPES = ['openai', 'anthropic', 'lmx'] as const;
const EMPTY: Wanted = { name: '', type: 'openai', baseUrl: '', model: '', key: '' };

export function AddProvider(): ReactNode {
  return (
    <>
      <Discovered />
      <Form />
    </>
  );
}

function Discovered(): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const servers = usePageState((state) => state.servers);
  const isLooking = usePageState((state) => state.isLookingForServers);
  return (
    <Section title={words('discoverTitle')}>
      <div className={styles.row}>
        <Button size="small" disabled={isLooking} onClick={() => void perform(page, lookForServers, undefined)}>
          {words('discover')}
        </Button>
        {isLooking ? <span className="dim pulse">{words('discovering')}</span> : null}
      </div>
      {servers?.length === 0 && !isLooking ? <p className="dim">{words('foundNone')}</p> : null}
      <ul className={styles.rows}>
        {(servers ?? []).map((server) => (
          <Found key={server.baseUrl} server={server} />
        ))}
      </ul>
    </Section>
  );
}

function Found({ server }: { server: DiscoveredServer }): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const { name, type, baseUrl, model = '' } = server;
  return (
    <li>
      <span className={styles.words}>
        {line(server.label)} <code>{line(baseUrl)}</code> <span className="dim">{words('models', { count: server.models.length })}</span>
      </span>
      {server.configured ? (
        <span className="ok">{words('isAdded', { name: line(server.configured) })}</span>
      ) : (
        <Button size="small" aria-label={words('addFound', { name: line(server.label) })} onClick={() => void perform(page, addProvider, { name, type, baseUrl, ...(model ? { model } : {}) })}>
          {words('add')}
        </Button>
      )}
    </li>
  );
}

function Form(): ReactNode {
  const page = usePage();
  const words = useWords('settings.providers');
  const [wanted, setWanted] = useState(EMPTY);
  const [isAdding, setAdding] = useState(false);
  const change = (part: Partial<Wanted>) => setWanted({ ...wanted, ...part });
  const { name, type, baseUrl = '', model = '', key = '' } = wanted;
  const asked: Wanted = { name: name.trim(), type, baseUrl: baseUrl.trim(), ...(model.trim() ? { model: model.trim() } : {}), ...(key.trim() ? { key: key.trim() } : {}) };
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setAdding(true);
    const isAdded = await perform(page, addProvider, asked);
    setAdding(false);
    // A key stays in no field longer than it has to.
    setWanted(isAdded ? EMPTY : { ...wanted, key: '' });
  };
  const field = (label: string, value: string, onChange: (text: string) => void, kind: 'text' | 'password' = 'text') => (
    <label className={styles.field}>
      <span>{label}</span>
      <input type={kind} value={value} autoComplete="off" spellCheck={false} onChange={(event) => onChange(event.target.value)} />
    </label>
  );
  return (
    <Section title={words('addTitle')} hint={words('addHint')} command="opta provider add NAME --type openai --base-url URL --key-stdin">
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        {field(words('name'), name, (text) => change({ name: text }))}
        <div className={styles.field}>
          <span>{words('type')}</span>
          <Select label={words('type')} value={type} onChoose={(each: Wanted['type']) => change({ type: each })} options={TYPES.map((value) => ({ value, label: words(`types.${value}`) }))} />
        </div>
        {field(words('baseUrl'), baseUrl, (text) => change({ baseUrl: text }))}
        {field(words('model'), model, (text) => change({ model: text }))}
        {field(words('key'), key, (text) => change({ key: text }), 'password')}
        <Button type="submit" disabled={isAdding || !addProvider.when(page.state, asked)}>
          {words('add')}
        </Button>
      </form>
      {asked.name && asked.baseUrl ? <p className="dim">{words('writes', { name: line(asked.name), type: words(`types.${type}`), url: line(asked.baseUrl ?? '') })}</p> : null}
    </Section>
  );
}
