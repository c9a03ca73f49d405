// The models of the picker: by provider with its health, each with its context, what it can, and how it is in memory.

import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { usePage } from '../../hooks';
import type { LmxModelDetails, ModelInfo, ProviderInfo } from '../../protocol';
import { watchedModelsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import type { PickerGroup, PickerOption } from '../../ui/kit/picker';
import { line } from '../../visible';
import { bytesText, milliseconds, number, timeWithSeconds } from '../../strings/formats';
import styles from './composer.module.css';

// By provider, in the order of the daemon; a provider that does not answer says why. Loads are followed while the list is open.
export function useModelGroups(models: readonly ModelInfo[], providers: readonly ProviderInfo[], isOpen: boolean): PickerGroup[] {
  const page = usePage();
  const words = useWords('composer.model');
  const describe = useDescription();
  const hasLmx = models.some(({ provider, healthy }) => provider === 'lmx' && healthy);
  const loads = useQuery({ ...watchedModelsQuery(page.daemon), enabled: isOpen && hasLmx }).data?.models ?? [];
  const names = [...new Set(models.map((model) => model.provider))];
  return names.map((name) => {
    const items = models.filter((model) => model.provider === name);
    return {
      value: name,
      label: <ProviderHealth name={name} isHealthy={items.some((model) => model.healthy)} provider={providers.find((each) => each.name === name)} />,
      items: items.map((model): PickerOption => {
        const details = name === 'lmx' ? loads.find(({ id }) => id === model.name) : undefined;
        return { value: model.id, label: line(model.name), hint: model.default ? words('isDefault') : '', description: describe(model, details) };
      }),
    };
  });
}

function ProviderHealth({ name, isHealthy, provider }: { name: string; isHealthy: boolean; provider?: ProviderInfo }): ReactNode {
  const words = useWords('composer.model');
  const { latencyMs = 0, coolingUntil = '', reason = '' } = provider ?? {};
  if (!isHealthy) return <span className="err">{words('because', { provider: line(title(name)), reason: line(reason || words('unhealthy')) })}</span>;
  return (
    <>
      {line(title(name))} <span className="ok">{latencyMs ? words('answers', { time: milliseconds(latencyMs) }) : words('healthy')}</span>
      {coolingUntil ? <span className="warn"> {words('cooling', { time: timeWithSeconds(coolingUntil) })}</span> : null}
    </>
  );
}

function useDescription(): (model: ModelInfo, details?: LmxModelDetails) => ReactNode {
  const words = useWords('composer.model');
  return (model, details) => {
    const state = details?.state ?? model.state ?? '';
    const { load_done: done = 0, load_total: total = 0, memory = 0, needed = 0, loading_s = 0, speed } = details ?? {};
    const parts = [
      model.contextLimit ? words('context', { tokens: thousands(model.contextLimit) }) : '',
      model.tools === false ? words('noTools') : model.tools ? words('tools') : '',
      model.vision ? words('vision') : '',
      model.thinking ? words('thinking') : '',
      model.capability ? line(model.capability) : '',
      state === 'loaded' && memory ? words('inMemory', { size: bytesText(memory) }) : state === 'on disk' && needed ? words('onDisk', { size: bytesText(needed) }) : state === 'loading' ? '' : line(state),
      speed?.tokens_per_s ? words('speed', { rate: number(speed.tokens_per_s) }) : '',
    ].filter(Boolean);
    if (state !== 'loading' && !parts.length) return undefined;
    return (
      <>
        {parts.join(' · ')}
        {state === 'loading' ? (
          <span className={styles.loading}>
            <progress aria-label={words('loadingOf', { model: line(model.name) })} max={total || 1} value={total ? done : undefined} />
            {total ? words('loaded', { percent: Math.floor((100 * done) / total) }) : words('starting', { seconds: Math.round(loading_s) })}
          </span>
        ) : null}
      </>
    );
  };
}

export function reasonOf(provider: string, providers: readonly ProviderInfo[]): string {
  return providers.find((each) => each.name === provider)?.reason ?? '';
}

export function title(provider: string): string {
  return provider === 'lmx' ? 'LMX' : provider;
}

function thousands(tokens: number): string {
  return tokens < 1_000 ? String(tokens) : `${Math.round(tokens / 1_000)}k`;
}
