import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openPill } from '../../actions/composer';
import { usePage, usePageState } from '../../hooks';
import type { ModelInfo, ProviderInfo } from '../../protocol';
import { providersQuery } from '../../queries';
import { nextModel } from '../../state';
import { useWords } from '../../strings/strings';
import { Picker, type PickerGroup } from '../../ui/kit/picker';
import { PillButton } from './pill';
import { apply, ScopeButtons, useScope } from './scope_choice';

export function ModelPill(): ReactNode {
  const page = usePage();
  const words = useWords('composer.model');
  const id = usePageState(nextModel);
  const models = usePageState((state) => state.models);
  const isOverridden = usePageState((state) => state.overrides.model !== undefined);
  const isOpen = usePageState((state) => state.openPill === 'model');
  const [scope, setScope] = useScope();
  const providers = useQuery({ ...providersQuery(page.daemon), enabled: isOpen }).data?.providers ?? [];
  const model = models.find((each) => each.id === id);
  // Before the list is read, nothing is said of it.
  const isGone = id !== '' && models.length > 0 && !model;
  const problem = isGone ? words('unknown', { model: id }) : model && !model.healthy ? reasonOf(model.provider, providers) || words('unhealthy') : '';
  const value = model ? `${title(model.provider)} · ${model.name}` : id || words('none');
  return (
    <Picker
      label={words('label')}
      side="top"
      value={id}
      groups={useGroups(models, providers)}
      isOpen={isOpen}
      onOpen={(open) => void perform(page, openPill, open ? 'model' : '')}
      onChoose={(chosen) => apply(page, 'model', chosen, scope)}
      searchWords={words('search')}
      emptyWords={words('noMatch')}
      trigger={<PillButton label={words('label')} value={value} tone="cyan" isOverridden={isOverridden} problem={problem} />}
    >
      <ScopeButtons field="model" scope={scope} onScope={setScope} />
    </Picker>
  );
}

// By provider, in the order of the daemon; a provider that does not answer says why.
function useGroups(models: ModelInfo[], providers: ProviderInfo[]): PickerGroup[] {
  const words = useWords('composer.model');
  const names = [...new Set(models.map((model) => model.provider))];
  return names.map((name) => {
    const items = models.filter((model) => model.provider === name);
    const reason = items.some((model) => model.healthy) ? '' : reasonOf(name, providers) || words('unhealthy');
    return {
      value: name,
      label: reason ? <span className="err">{words('because', { provider: title(name), reason })}</span> : title(name),
      items: items.map((model) => ({
        value: model.id,
        label: model.name,
        hint: [model.default ? words('isDefault') : '', model.state ?? '', model.contextLimit ? words('thousands', { tokens: String(Math.round(model.contextLimit / 1000)) }) : ''].filter(Boolean).join(' · '),
      })),
    };
  });
}

function reasonOf(provider: string, providers: ProviderInfo[]): string {
  return providers.find((each) => each.name === provider)?.reason ?? '';
}

function title(provider: string): string {
  return provider === 'lmx' ? 'LMX' : provider;
}
