import { type FormEvent, type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { connectWindow } from '../../actions/connect';
import { usePage, usePageState } from '../../hooks';

// A window that was not opened by Opta has no key: a bookmark, another tab, an old code. A person brings one from the terminal.
export function Connect(): ReactNode {
  const page = usePage();
  const needsKey = usePageState((state) => state.needsKey);
  const [pasted, setPasted] = useState('');
  if (!needsKey) return null;
  const submit = (event: FormEvent) => {
    event.preventDefault();
    void perform(page, connectWindow, pasted).then((isDone) => (isDone ? setPasted('') : undefined));
  };
  return (
    <section className="connect" aria-labelledby="connect-title">
      <h2 id="connect-title">This window is not connected</h2>
      <p>
        Only a window that was opened from your terminal may see your sessions. Run <code>opta open</code>: it opens one. Or paste the address that it prints here.
      </p>
      <form onSubmit={submit}>
        <input aria-label="Address or code" placeholder="http://127.0.0.1:5173/?launch=…" value={pasted} autoComplete="off" spellCheck={false} onChange={(event) => setPasted(event.target.value)} />
        <button type="submit" className="primary" disabled={!connectWindow.when(page.state, pasted)}>
          {connectWindow.label}
        </button>
      </form>
    </section>
  );
}
