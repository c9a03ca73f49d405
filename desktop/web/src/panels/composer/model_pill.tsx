import { useQuery } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openPill } from '../../actions/composer';
import { usePage, usePageState } from '../../hooks';
import { providersQuery } from '../../queries';
import { nextModel } from '../../state';
import { useWords } from '../../strings/strings';
import { Picker } from '../../ui/kit/picker';
import { reasonOf, title, useModelGroups } from './model_groups';
import { ModelScope } from './model_scope';
import { PillButton } from './pill';
import { apply, useScope } from './scope_choice';

export function ModelPill(): ReactNode {
  const page = usePage();
  const words = useWords('composer.model');
  const id = usePageState(nextModel);
  const models = usePageState((state) => state.models);
  const isOverridden = usePageState((state) => state.overrides.model !== undefined);
  const isOpen = usePageState((state) => state.openPill === 'model');
  const [scope, setScope] = useScope();
  const providers = useQuery({ ...providersQuery(page.daemon), enabled: isOpen }).data?.providers ?? [];
  const groups = useModelGroups(models, providers, isOpen);
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
      groups={groups}
      isOpen={isOpen}
      onOpen={(open) => {
        // A far-reaching choice of last time does not hold for this one.
        if (open) setScope('turn');
        void perform(page, openPill, open ? 'model' : '');
      }}
      onChoose={(chosen) => apply(page, 'model', chosen, scope)}
      searchWords={words('search')}
      emptyWords={words('noMatch')}
      trigger={<PillButton label={words('label')} value={value} tone="cyan" isOverridden={isOverridden} problem={problem} />}
    >
      <ModelScope scope={scope} onScope={setScope} />
    </Picker>
  );
}
