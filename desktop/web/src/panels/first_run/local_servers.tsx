import { type ReactNode, useEffect, useState } from 'react';
import { ActionButton } from '../../actions/button';
import { lookForServers, useServer } from '../../actions/providers';
import { usePage, usePageState } from '../../hooks';
import type { DiscoveredServer } from '../../protocol';
import { useWords } from '../../strings/strings';
import { Select } from '../../ui/kit/select';
import styles from './first_run.module.css';

// Offers the model servers that run on this machine. Each is used only after its button was pressed.
export function LocalServers(): ReactNode {
  const page = usePage();
  const words = useWords('firstRun');
  const servers = usePageState((state) => state.servers);
  const isLooking = usePageState((state) => state.isLookingForServers);

  useEffect(() => {
    page.lookForServers().catch((error: unknown) => page.report(error));
  }, [page]);

  return (
    <section className={styles.group} aria-label={words('model.serversLabel')} aria-busy={isLooking}>
      <h4>
        {words('model.servers')} <ActionButton action={lookForServers} argument={undefined} className={styles.again} />
      </h4>
      {servers?.length ? (
        <ul>
          {servers.map((server) => (
            <Server key={server.baseUrl} server={server} />
          ))}
        </ul>
      ) : (
        <p className="dim" role="status">
          {isLooking || !servers ? words('model.looking') : words('model.noServers')}
        </p>
      )}
    </section>
  );
}

function Server({ server }: { server: DiscoveredServer }): ReactNode {
  const words = useWords('firstRun');
  const [chosen, setChosen] = useState('');
  const model = chosen || server.model || '';
  return (
    <li className={styles.choice}>
      <span className={styles.name}>
        {server.label} <code className="dim">{server.baseUrl.replace(/^http:\/\//, '').replace(/\/v1$/, '')}</code>
      </span>
      <Model server={server} model={model} onChoose={setChosen} />
      {server.configured ? (
        <span className="ok">✓ {words('model.added', { name: server.configured })}</span>
      ) : model ? (
        <ActionButton action={useServer} argument={{ server, model }} className="primary" title={words('model.useTitle', { model })}>
          {words('model.use')}
        </ActionButton>
      ) : null}
    </li>
  );
}

function Model({ server, model, onChoose }: { server: DiscoveredServer; model: string; onChoose(name: string): void }): ReactNode {
  const words = useWords('firstRun');
  if (!model) return <span className={styles.about}>{words('model.noModel')}</span>;
  if (server.configured || server.models.length < 2) return <span className={styles.about}>{model}</span>;
  return <Select className={styles.select} label={words('model.modelOf', { server: server.label })} value={model} onChoose={onChoose} options={server.models.map((value) => ({ value, label: value }))} />;
}
