import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { removeAccount, storeAccount } from '../../actions/settings';
import { usePage } from '../../hooks';
import { accountsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { ConfirmButton } from './confirm_button';
import { Section, Waiting } from './section';
import styles from './settings.module.css';

// The keys that the vault holds, by name and last characters. A new one is in the field only until it is stored.
export function Accounts(): ReactNode {
  const page = usePage();
  const words = useWords('settings.accounts');
  const { data: accounts, error } = useQuery(accountsQuery(page.daemon));
  const [name, setName] = useState('');
  const [key, setKey] = useState('');
  const isKnown = accounts?.some((account) => account.name === name.trim()) ?? false;
  const store = async (event: FormEvent) => {
    event.preventDefault();
    if (!(await perform(page, storeAccount, { name, key }))) return;
    setName('');
    setKey('');
  };
  return (
    <Section title={words('title')} hint={words('hint')} command="opta account list">
      <Waiting error={error} isRead={accounts !== undefined} />
      {accounts?.length === 0 ? <p className="dim">{words('none')}</p> : null}
      <ul className={styles.rows}>
        {(accounts ?? []).map((account) => (
          <li key={account.name}>
            <span className={styles.words}>
              {line(account.name)} <code>{account.shown}</code> <span className="dim">{words('keptIn', { where: account.kept })}</span>
            </span>
            <ConfirmButton label={words('removeOf', { name: line(account.name) })} sure={words('sure')} onSure={() => perform(page, removeAccount, account.name)}>
              {words('remove')}
            </ConfirmButton>
          </li>
        ))}
      </ul>
      <form className={styles.form} onSubmit={(event) => void store(event)}>
        <label className={styles.field}>
          <span>{words('name')}</span>
          <input value={name} maxLength={64} autoComplete="off" onChange={(event) => setName(event.target.value)} />
        </label>
        <label className={styles.field}>
          <span>{words('key')}</span>
          <input type="password" value={key} autoComplete="off" onChange={(event) => setKey(event.target.value)} />
        </label>
        <Button type="submit" disabled={!name.trim() || !key.trim()}>
          {words('add')}
        </Button>
      </form>
      {isKnown ? <p className="warn">{words('replaces')}</p> : null}
    </Section>
  );
}
