import { type ReactNode, useEffect } from 'react';
import { perform } from '../../actions/action';
import { putTrustAside, trustFolder } from '../../actions/consent';
import { usePage, usePageState } from '../../hooks';
import { Exact } from '../../ui/exact';
import { ignoreHeld, useSettled } from '../../ui/settled';

// Asks whether to trust the folder, and shows what its own files ask for. Put aside, it stays away until those files change.
export function Trust(): ReactNode {
  const page = usePage();
  const cwd = usePageState((state) => state.transcript.cwd);
  const found = usePageState((state) => state.trust);
  const putAside = usePageState((state) => state.trustPutAside);

  useEffect(() => {
    if (cwd) page.readTrust(cwd).catch(() => undefined);
    else page.set({ trust: null });
  }, [page, cwd]);

  const isSettled = useSettled(found?.sha256 ?? '');
  if (!found?.needed || putAside === found.sha256) return null;
  return (
    <section className="permission trust" aria-label="Trust" onKeyDown={ignoreHeld}>
      <header>
        <span className="warn">◆ {found.state === 'changed' ? 'The files of this folder have changed. Trust it again?' : 'Trust this folder?'}</span>
      </header>
      <div className="what">
        <code className="exact">
          <Exact text={found.path} />
        </code>
        <ul>
          {[...found.changes, ...found.asks].map((line) => (
            <li key={line} className="exact">
              <Exact text={line} />
            </li>
          ))}
        </ul>
      </div>
      <div className="buttons">
        <button type="button" disabled={!isSettled} onClick={() => void perform(page, trustFolder, found.sha256)}>
          {trustFolder.label}
        </button>
        <button type="button" className="primary" disabled={!isSettled} onClick={() => void perform(page, putTrustAside, found.sha256)}>
          {putTrustAside.label}
        </button>
      </div>
      <p className="dim">Until you trust the folder, none of this applies. What its files forbid applies already.</p>
    </section>
  );
}
