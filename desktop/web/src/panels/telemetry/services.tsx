import type { ReactNode } from 'react';
import { lmxOf } from '../../figures';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { UNKNOWN } from '../../strings/formats';
import { Row } from './metric';

const SERVICES = ['gateway', 'sessions', 'agent', 'tools', 'lmx', 'desktop'] as const;

// Whether turns go to another server of models, so that LMX need not run and does not.
export function useIsLmxUnused(): boolean {
  return usePageState(({ figures, health }) => {
    const isReady = (health?.services as Record<string, { ready?: boolean }> | null | undefined)?.lmx?.ready;
    const hasOther = (health?.providers ?? []).some((provider) => provider.active === true && provider.type !== 'lmx');
    return figures.at > 0 && isReady === false && hasOther && !lmxOf(figures.metrics).host;
  });
}

// The processes of the daemon, each with whether it is ready. Nothing is said about them once the daemon is out of reach.
export function Services(): ReactNode {
  const words = useWords('telemetry');
  const health = usePageState((state) => (state.figures.at ? state.health : null));
  const remote = usePageState((state) => lmxOf(state.figures.metrics).host);
  const services = health?.services as Record<string, { ready?: boolean }> | null | undefined;
  const isLmxUnused = useIsLmxUnused();
  return (
    <section aria-labelledby="telemetry-services">
      <h2 id="telemetry-services">{words('services')}</h2>
      <dl>
        {SERVICES.map((name) => {
          const isReady = services?.[name]?.ready;
          if (name === 'lmx' && remote && !isReady) return <Row key={name} name={name} value={words('elsewhere')} tone="dim" />;
          if (name === 'lmx' && isLmxUnused) return <Row key={name} name={name} value={words('unused')} tone="dim" />;
          return <Row key={name} name={name} value={isReady === undefined ? UNKNOWN : words(isReady ? 'ready' : 'notReady')} tone={isReady === undefined ? '' : isReady ? 'ok' : 'err'} />;
        })}
      </dl>
    </section>
  );
}
