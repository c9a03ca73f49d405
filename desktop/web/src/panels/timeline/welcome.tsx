import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import { LocalServers } from './local_servers';

// What an empty timeline shows.
export function Welcome(): ReactNode {
  const transcript = usePageState((state) => state.transcript);
  const model = usePageState((state) => state.models.find((candidate) => candidate.default));
  const selected = usePageState((state) => state.selected);
  return (
    <div className="welcome">
      <h2>{selected ? 'A new session' : 'Welcome to Opta'}</h2>
      {selected ? (
        <p className="dim">
          {transcript.cwd} · {transcript.mode} · {transcript.level}
        </p>
      ) : null}
      {model?.capability === 'probe' ? (
        <>
          <p>
            The built-in <code>probe</code> model answers: a self-test, not an assistant. Use a model server below, put an mlx model into the{' '}
            <code>models</code> folder, set <code>OPTA_LMX_HOST</code>, or run <code>opta config add-provider</code>.
          </p>
          <LocalServers />
        </>
      ) : null}
      <p className="dim">Try: “What is 2+2?” · “Read the file README.md” · “List the files”</p>
    </div>
  );
}
