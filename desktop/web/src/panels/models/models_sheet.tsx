// The models of LMX, here or on another machine: what is loaded, what lies on its disk, and what can be fetched.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { changeService } from '../../actions/daemon';
import { showModels } from '../../actions/models';
import { dismissProblem } from '../../actions/view';
import { DaemonError } from '../../http_connection';
import { lmxOf } from '../../figures';
import { usePage, usePageState } from '../../hooks';
import type { LmxMemory, LmxModels } from '../../protocol';
import { servicesQuery, watchedModelsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import { line } from '../../visible';
import { bytesText } from '../../strings/formats';
import { Benches } from './bench';
import { Downloads } from './downloads';
import { Fetch } from './fetch';
import { ModelRows } from './model_rows';
import styles from './models.module.css';
import { number } from '../../strings/formats';

const MEMORY_COMMAND = 'opta config set lmx.memory-limit-mb MB';

export function ModelsSheet(): ReactNode {
  const page = usePage();
  const words = useWords('models');
  const isOpen = usePageState((state) => state.route.sheet === 'models');
  const close = () => void perform(page, showModels, undefined);
  return (
    <Sheet isOpen={isOpen} onClose={close} title={words('title')} isWide isText>
      <Button size="small" className={styles.close} onClick={close}>
        {words('close')}
      </Button>
      {isOpen ? <ModelsPanel /> : null}
    </Sheet>
  );
}

function ModelsPanel(): ReactNode {
  const page = usePage();
  const words = useWords('models');
  const { data, error } = useQuery(watchedModelsQuery(page.daemon));
  const problem = usePageState((state) => state.problem);
  // What was read before LMX fell silent is not what holds now.
  if (error) return <NoAnswer error={error} />;
  if (!data) return <p className="dim pulse">{words('reading')}</p>;
  return (
    <div className={styles.panel}>
      <Facts {...data} />
      {problem ? (
        <p className="err">
          {line(problem)} <ActionButton action={dismissProblem} argument={undefined} className="quiet" />
        </p>
      ) : null}
      <ModelRows models={data.models} />
      <Downloads pulls={data.pulls ?? []} />
      <Benches />
      <Fetch limit={data.memory?.models || data.memory?.limit || 0} />
    </div>
  );
}

function Facts({ memory }: LmxModels): ReactNode {
  const words = useWords('models');
  const host = usePageState((state) => lmxOf(state.figures.metrics).host ?? '');
  const rate = usePageState((state) => state.figures.metrics?.tokensPerSec ?? 0);
  const facts = [host ? words('host', { host: line(host) }) : words('here'), memory ? words('memory', { used: bytesText(memory.models ? (memory.committed ?? 0) : memory.used), limit: bytesText(memory.models || memory.limit) }) : '', rate ? words('speed', { rate: number(rate, 1) }) : ''];
  return (
    <>
      <p className="dim num">{facts.filter(Boolean).join(' · ')}</p>
      {memory?.models ? <MemoryFor {...memory} /> : null}
      {memory && memory.level !== 'ok' ? (
        <p className="warn" role="status">
          {words('pressure', { level: memory.level })}
        </p>
      ) : null}
    </>
  );
}

// One figure says what models may take; here is where the rest of the memory goes.
function MemoryFor({ used, limit, models = 0, prefixes = 0, total = 0 }: LmxMemory): ReactNode {
  const words = useWords('models');
  return (
    <details className={styles.memory}>
      <summary>{words('memoryFor')}</summary>
      <p className="dim num">
        {words('memoryOf', {
          limit: bytesText(limit),
          total: bytesText(total),
          models: bytesText(models),
          prefixes: bytesText(prefixes),
          spare: bytesText(Math.max(0, limit - models - prefixes)),
          used: bytesText(used),
        })}
      </p>
      <p className="dim">{words.rich('memoryChange', { command: () => <code>{MEMORY_COMMAND}</code> })}</p>
    </details>
  );
}

// LMX of this machine is one of the daemon's processes, and can be started from here. One on another machine cannot.
function NoAnswer({ error }: { error: Error }): ReactNode {
  const page = usePage();
  const words = useWords('models');
  // Until the first figures come, it may be the one of another machine.
  const isHere = usePageState((state) => state.figures.metrics !== null && !lmxOf(state.figures.metrics).host);
  const service = useQuery(servicesQuery(page.bridge)).data?.find(({ name }) => name === 'lmx');
  if (service?.state === 'starting') return <p className="dim pulse">{words('starting')}</p>;
  // It answers, and does not let this machine look.
  const isRefused = error instanceof DaemonError && error.info.code === 'provider_auth';
  const verb = service?.state === 'running' ? 'restart' : 'start';
  return (
    <div className={styles.panel}>
      <p className="err" role="alert">
        {isRefused ? line(error.message) : words('off', { reason: line(error.message) })}
      </p>
      {service && isHere ? (
        <p>
          <ActionButton action={changeService} argument={{ verb, service: 'lmx' }}>
            {words(verb)}
          </ActionButton>
        </p>
      ) : null}
    </div>
  );
}
