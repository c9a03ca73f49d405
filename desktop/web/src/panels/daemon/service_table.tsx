import type { ReactNode } from 'react';
import { commandOf, type ServiceChange } from '../../actions/daemon';
import type { ServiceRow } from '../../bridge';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { mebibytes, UNKNOWN, uptime } from '../../strings/formats';
import styles from './daemon.module.css';

// Every process with how it is, and what can be done with it.
export function ServiceTable({ services, onAsk }: { services: readonly ServiceRow[]; onAsk: (change: ServiceChange) => void }): ReactNode {
  const words = useWords('daemonPanel');
  return (
    <div className={styles.scroller}>
      <table className={styles.table}>
        <caption className="sr-only">{words('services')}</caption>
        <thead>
          <tr>
            {(['name', 'state', 'pid', 'uptime', 'memory', 'restarts', 'actions'] as const).map((column) => (
              <th key={column} scope="col">
                {words(`columns.${column}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {services.map((service) => (
            <Row key={service.name} service={service} onAsk={onAsk} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function Row({ service, onAsk }: { service: ServiceRow; onAsk: (change: ServiceChange) => void }): ReactNode {
  const words = useWords('daemonPanel');
  const { name, state, pid, uptimeS, memory, restarts } = service;
  const isRunning = state === 'running' || state === 'starting' || state === 'backoff';
  // Only a connected gateway knows whether its processes are ready.
  const isReady = usePageState(({ globalConnection, health }) => (globalConnection === 'connected' ? (health?.services as Record<string, { ready?: boolean }> | undefined)?.[name]?.ready : undefined));
  const shown = state !== 'running' || isReady === undefined ? words('state', { state }) : words(isReady ? 'ready' : 'notReady');
  const tone = state === 'running' ? (isReady === false ? 'warn' : 'ok') : state === 'fatal' || state === 'backoff' ? 'err' : 'dim';
  return (
    <tr>
      <th scope="row">{name}</th>
      <td className={tone}>{shown}</td>
      <td className="num">{pid || UNKNOWN}</td>
      <td className="num">{isRunning && uptimeS ? uptime(uptimeS) : UNKNOWN}</td>
      <td className="num">{memory ? mebibytes(memory) : UNKNOWN}</td>
      <td className="num">{words('restarts', { count: restarts })}</td>
      <td className={styles.buttons}>
        {(isRunning ? (['restart', 'stop'] as const) : (['start'] as const)).map((verb) => (
          <Button key={verb} size="small" look="quiet" aria-label={words('verbOf', { verb, service: name })} title={words('inTerminal', { command: commandOf({ verb, service: name }) })} onClick={() => onAsk({ verb, service: name })}>
            {words(`verbs.${verb}`)}
          </Button>
        ))}
      </td>
    </tr>
  );
}
