import { useQuery } from '@tanstack/react-query';
import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { removeAccount, storeAccount } from '../../actions/settings';
import { usePage } from '../../hooks';
import { accountsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { line } from '../../visible';
import { Section } from './section';
import styles from './settings.module.css';

// The keys that the vault holds, by name and last characters. A new one is in the field only until it is stored.
export function Accounts(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const { data: accounts, error } = useQuery(accountsQuery(page.daemon));
  const [name, setName] = useState('');
  const [key, setKey] = useState('');
  const [asked, setAsked] = useState('');
  const store = async (event: FormEvent) => {
    event.preventDefault();
    if (!(await perform(page, storeAccount, { name, key }))) return;
    page.set({ notice: words('accounts.stored', { name: name.trim() }) });
    setName('');
    setKey('');
  };
  return (
    <Section title={words('accounts.title')} hint={words('accounts.hint')} command="opta account list">
      {error ? <p className="err">{error.message}</p> : accounts ? null : <p className="dim pulse">{words('looking')}</p>}
      {accounts?.length === 0 ? <p className="dim">{words('accounts.none')}</p> : null}
      <ul className={styles.list}>
        {(accounts ?? []).map((account) => (
          <li key={account.name}>
            <span className={styles.words}>
              {line(account.name)} <code>{account.shown}</code> <span className="dim">{words('accounts.keptIn', { where: account.kept })}</span>
            </span>
            {asked === account.name ? (
              <>
                <Button size="small" onClick={() => setAsked('')} autoFocus>
                  {words('accounts.cancel')}
                </Button>
                <Button size="small" look="danger" onClick={() => void perform(page, removeAccount, account.name).then(() => setAsked(''))}>
                  {words('accounts.sure')}
                </Button>
              </>
            ) : (
              <Button size="small" aria-label={words('accounts.removeOf', { name: line(account.name) })} onClick={() => setAsked(account.name)}>
                {words('accounts.remove')}
              </Button>
            )}
          </li>
        ))}
      </ul>
      <form className={styles.form} onSubmit={(event) => void store(event)}>
        <input aria-label={words('accounts.name')} placeholder={words('accounts.name')} value={name} maxLength={64} autoComplete="off" onChange={(event) => setName(event.target.value)} />
        <input type="password" aria-label={words('accounts.key')} placeholder={words('accounts.key')} value={key} autoComplete="off" onChange={(event) => setKey(event.target.value)} />
        <Button type="submit" size="small" disabled={!name.trim() || !key.trim()}>
          {words('accounts.add')}
        </Button>
      </form>
    </Section>
  );
}
