import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { connectWindow } from '../../actions/connect';
import { useActionWords } from '../../actions/words';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import styles from './connect.module.css';

// A window that was not opened by Opta has no key: a bookmark, another tab, an old code. A person brings one from the terminal.
export function Connect(): ReactNode {
  const page = usePage();
  const words = useWords('connect');
  const { label } = useActionWords(connectWindow);
  const problem = usePageState((state) => state.problem);
  const [pasted, setPasted] = useState('');
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void perform(page, connectWindow, pasted).then((isDone) => (isDone ? setPasted('') : undefined));
  };
  return (
    <section className={styles.connect} aria-labelledby="connect-title">
      <h2 id="connect-title">{words('title')}</h2>
      <p>{words.rich('words', { command: () => <code>opta open</code> })}</p>
      <form onSubmit={submit}>
        <input aria-label={words('field')} placeholder="http://127.0.0.1:5173/?launch=…" value={pasted} autoComplete="off" spellCheck={false} onChange={(event) => setPasted(event.target.value)} />
        <Button type="submit" look="primary" disabled={!connectWindow.when(page.state, pasted)}>
          {label}
        </Button>
      </form>
      {problem ? (
        <p className="err" role="alert">
          {problem}
        </p>
      ) : null}
    </section>
  );
}
