// The daemon's processes and their logs. It works while the daemon is down, because the process that serves the page answers for it.

import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { changeService, commandOf, copyDiagnostics, interrupted, reconnect, type ServiceChange, showDaemon } from '../../actions/daemon';
import { usePage, usePageState } from '../../hooks';
import { servicesQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import styles from './daemon.module.css';
import { LogView } from './log_view';
import { ServiceTable } from './service_table';

export function DaemonSheet(): ReactNode {
  const page = usePage();
  const words = useWords('daemonPanel');
  const isOpen = usePageState((state) => state.isDaemonShown);
  const close = () => void perform(page, showDaemon, undefined);
  return (
    <Sheet isOpen={isOpen} onClose={close} title={words('title')} isWide isText>
      <Button size="small" className={styles.close} onClick={close}>
        {words('close')}
      </Button>
      {isOpen ? <DaemonPanel /> : null}
    </Sheet>
  );
}

const WHOLE = ['start', 'restart', 'stop'] as const;

function DaemonPanel(): ReactNode {
  const page = usePage();
  const words = useWords('daemonPanel');
  const { data: services, error, refetch } = useQuery(servicesQuery(page.bridge));
  const [asked, setAsked] = useState<ServiceChange | null>(null);
  const change = async (wanted: ServiceChange) => {
    setAsked(null);
    await perform(page, changeService, wanted);
    await refetch();
  };
  const ask = (wanted: ServiceChange) => {
    const needsAnswer = wanted.verb === 'stop' || interrupted(page.state, wanted) > 0;
    if (needsAnswer) setAsked(wanted);
    else void change(wanted);
  };
  return (
    <div className={styles.panel}>
      <Facts />
      {error ? (
        <p className="err" role="alert">
          {words.rich('none', { command: () => <code>opta up</code> })}
        </p>
      ) : null}
      <p className={styles.buttons}>
        {WHOLE.map((verb) => (
          <Button key={verb} size="small" look={verb === 'stop' ? 'danger' : 'plain'} disabled={!services} title={words('inTerminal', { command: commandOf({ verb, service: '' }) })} onClick={() => ask({ verb, service: '' })}>
            {words('all', { verb })}
          </Button>
        ))}
        <ActionButton action={reconnect} argument={undefined} className="quiet" />
        <ActionButton action={copyDiagnostics} argument={undefined} className="quiet" />
      </p>
      {asked ? <Asked change={asked} onYes={() => void change(asked)} onNo={() => setAsked(null)} /> : null}
      {services ? <ServiceTable services={services} onAsk={ask} /> : null}
      <LogView />
    </div>
  );
}

function Facts(): ReactNode {
  const words = useWords('daemonPanel');
  const connection = usePageState((state) => state.globalConnection);
  const port = usePageState((state) => state.port);
  const version = usePageState((state) => state.health?.version ?? '');
  const facts = [words('connection', { state: connection }), port ? words('port', { port: String(port) }) : '', version ? words('version', { version }) : ''];
  return (
    <p className="dim" role="status">
      {facts.filter(Boolean).join(' · ')}
    </p>
  );
}

// What a change does to running work, before it is made.
function Asked({ change, onYes, onNo }: { change: ServiceChange; onYes: () => void; onNo: () => void }): ReactNode {
  const words = useWords('daemonPanel');
  const count = usePageState((state) => interrupted(state, change));
  const { verb, service } = change;
  const title = words('asked.title', { verb, service: service || 'daemon' });
  return (
    <section className={styles.asked} role="alertdialog" aria-label={title}>
      <h3>{title}</h3>
      {count ? <p>{words('asked.turns', { count })}</p> : null}
      {service === 'desktop' ? <p>{words('asked.desktop')}</p> : verb === 'stop' ? <p>{words('asked.stop')}</p> : null}
      <p>{words('inTerminal', { command: commandOf(change) })}</p>
      <p className={styles.buttons}>
        <Button size="small" onClick={onNo} autoFocus>
          {words('asked.cancel')}
        </Button>
        <Button size="small" look="danger" onClick={onYes}>
          {words(`verbs.${verb}`)}
        </Button>
      </p>
    </section>
  );
}
