import { type ReactNode, useEffect, useState } from 'react';
import { daemon } from '../daemon';
import type { TrustState } from '../protocol';
import { showProblem, useStore } from '../state';
import { Exact } from '../ui/exact';
import { ignoreHeld, useSettled } from '../ui/settled';

// What a folder's own files ask for, before any of it holds. Stays away once it was put aside for this folder as it is.
export function Trust(): ReactNode {
  const cwd = useStore((state) => (state.version >= 0 ? state.transcript.cwd : ''));
  const [found, setFound] = useState<TrustState | null>(null);
  const [putAside, setPutAside] = useState('');

  useEffect(() => {
    setFound(null);
    if (!cwd) return;
    let isStale = false;
    daemon
      .trust(cwd)
      .then((state) => {
        if (!isStale) setFound(state);
      })
      .catch(() => {});
    return () => {
      isStale = true;
    };
  }, [cwd]);

  const isSettled = useSettled(found?.sha256 ?? '');
  if (!found?.needed || putAside === found.sha256) return null;
  const give = () => {
    daemon.giveTrust(cwd, found.sha256).then(setFound).catch(showProblem);
  };
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
        <button type="button" disabled={!isSettled} onClick={give}>
          Trust this folder
        </button>
        <button type="button" className="primary" disabled={!isSettled} onClick={() => setPutAside(found.sha256)}>
          Not now
        </button>
      </div>
      <p className="dim">Until then nothing of this holds; what the folder forbids holds anyway.</p>
    </section>
  );
}
