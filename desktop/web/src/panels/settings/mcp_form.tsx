// A new MCP server. The program and its arguments are shown word by word before they are written.

import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { addMcpServer } from '../../actions/setting_changes';
import { usePage } from '../../hooks';
import type { AddMcpServer as Wanted } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Exact } from '../../ui/exact';
import { Button } from '../../ui/kit/button';
import { Select } from '../../ui/kit/select';
import { Argv } from './notifications';
import { Section } from './section';
import styles from './settings.module.css';

const KINDS = ['program', 'address'] as const;
const EMPTY = { name: '', kind: 'program' as (typeof KINDS)[number], program: '', args: '', url: '', envName: '', envValue: '', network: false };

type Draft = typeof EMPTY;

function wantedOf(draft: Draft): Wanted {
  const variable = draft.envName.trim() ? { env: { [draft.envName.trim()]: draft.envValue } } : {};
  const network = draft.network ? { network: true } : {};
  if (draft.kind === 'address') return { name: draft.name.trim(), url: draft.url.trim(), ...variable, ...network };
  const args = draft.args.split('\n').filter((each) => each !== '');
  return { name: draft.name.trim(), command: [draft.program.trim(), ...args], ...variable, ...network };
}

export function AddMcpServer(): ReactNode {
  const page = usePage();
  const words = useWords('settings.mcp');
  const [draft, setDraft] = useState(EMPTY);
  const change = (part: Partial<Draft>) => setDraft({ ...draft, ...part });
  const wanted = wantedOf(draft);
  const isReady = addMcpServer.when(page.state, wanted);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    if (await perform(page, addMcpServer, wanted)) setDraft(EMPTY);
  };
  const field = (label: string, name: 'name' | 'program' | 'url' | 'envName' | 'envValue') => (
    <label className={styles.field}>
      <span>{label}</span>
      <input type={name === 'envValue' ? 'password' : 'text'} value={draft[name]} autoComplete="off" spellCheck={false} onChange={(event) => change({ [name]: event.target.value })} />
    </label>
  );
  return (
    <Section title={words('addTitle')} hint={words('addHint')} command="opta mcp add NAME -- PROGRAM ARGUMENTS">
      <form className={styles.form} onSubmit={(event) => void submit(event)}>
        {field(words('name'), 'name')}
        <div className={styles.field}>
          <span>{words('kind')}</span>
          <Select label={words('kind')} value={draft.kind} onChoose={(kind: Draft['kind']) => change({ kind })} options={KINDS.map((value) => ({ value, label: words(`kinds.${value}`) }))} />
        </div>
        {draft.kind === 'program' ? (
          <>
            {field(words('program'), 'program')}
            <label className={styles.field}>
              <span>{words('args')}</span>
              <textarea value={draft.args} spellCheck={false} onChange={(event) => change({ args: event.target.value })} />
            </label>
          </>
        ) : (
          field(words('url'), 'url')
        )}
        {field(words('envName'), 'envName')}
        {field(words('envValue'), 'envValue')}
        <label className={`${styles.row} ${styles.whole}`}>
          <input type="checkbox" checked={draft.network} onChange={(event) => change({ network: event.target.checked })} /> {words('withNetwork')}
        </label>
        {isReady ? (
          <p className={`${styles.row} ${styles.whole}`}>
            <span className="dim">{draft.kind === 'program' ? words('will') : words('willReach')}</span>
            {wanted.command ? (
              <Argv words={wanted.command} />
            ) : (
              <code className="exact">
                <Exact text={wanted.url ?? ''} />
              </code>
            )}
          </p>
        ) : null}
        <Button type="submit" disabled={!isReady}>
          {words('add')}
        </Button>
      </form>
    </Section>
  );
}
