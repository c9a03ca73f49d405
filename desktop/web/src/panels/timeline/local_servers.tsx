import { type ReactNode, useEffect, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { lookForServers, useServer } from '../../actions/providers';
import { usePage, usePageState } from '../../hooks';
import type { DiscoveredServer } from '../../protocol';

// Offers the model servers that run on this machine. Each is used only after its button was pressed.
export function LocalServers(): ReactNode {
  const page = usePage();
  const servers = usePageState((state) => state.servers);
  const isLooking = usePageState((state) => state.isLookingForServers);

  useEffect(() => {
    page.lookForServers().catch((error: unknown) => page.report(error));
  }, [page]);

  return (
    <section className="servers" aria-label="Model servers on this machine" aria-busy={isLooking}>
      <h3>Model servers on this machine</h3>
      {servers?.length ? (
        <ul>
          {servers.map((server) => (
            <Server key={server.baseUrl} server={server} />
          ))}
        </ul>
      ) : (
        <p className="dim" role="status">
          {isLooking || !servers ? 'Looking for LM Studio, Ollama, llama.cpp, vLLM, mlx_lm …' : 'None is running. Start one, and look again.'}
        </p>
      )}
      <ActionButton action={lookForServers} argument={undefined} className="quiet" />
    </section>
  );
}

function Server({ server }: { server: DiscoveredServer }): ReactNode {
  const [chosen, setChosen] = useState('');
  const model = chosen || server.model || '';
  return (
    <li>
      <span className="name">{server.label}</span>
      <code className="dim">{server.baseUrl.replace(/^http:\/\//, '').replace(/\/v1$/, '')}</code>
      <Model server={server} model={model} onChoose={setChosen} />
      {server.configured ? (
        <span className="ok">✓ added as {server.configured}</span>
      ) : model ? (
        <ActionButton action={useServer} argument={{ server, model }} title={`Add ${server.label} and let ${model} answer`} />
      ) : null}
    </li>
  );
}

function Model({ server, model, onChoose }: { server: DiscoveredServer; model: string; onChoose(name: string): void }): ReactNode {
  if (!model) return <span className="model dim">has no model yet</span>;
  if (server.configured || server.models.length < 2) return <span className="model">{model}</span>;
  return (
    <select className="model" aria-label={`Model of ${server.label}`} value={model} onChange={(event) => onChoose(event.target.value)}>
      {server.models.map((name) => (
        <option key={name}>{name}</option>
      ))}
    </select>
  );
}
