import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openPill } from '../../actions/composer';
import { usePage, usePageState } from '../../hooks';
import { nextMode } from '../../state';
import { useWords } from '../../strings/strings';
import { Menu, MenuChoices } from '../../ui/kit/menu';
import { PillButton } from './pill';
import { apply, MenuScope, useScope } from './scope_choice';

const MODES = ['chat', 'do', 'plan'] as const;

export function ModePill(): ReactNode {
  const page = usePage();
  const words = useWords('composer.mode');
  const mode = usePageState(nextMode);
  const isOverridden = usePageState((state) => state.overrides.mode !== undefined);
  const isOpen = usePageState((state) => state.openPill === 'mode');
  const [scope, setScope] = useScope();
  const known = MODES.find((each) => each === mode);
  return (
    <Menu
      side="top"
      isOpen={isOpen}
      onOpen={(open) => void perform(page, openPill, open ? 'mode' : '')}
      trigger={<PillButton label={words('label')} value={known ? words(known) : mode} tone="violet" isOverridden={isOverridden} />}
    >
      <MenuChoices
        label={words('label')}
        value={mode}
        onChoose={(value) => apply(page, 'mode', value, scope)}
        options={MODES.map((each) => ({ value: each as string, label: words(each), description: words(`${each}Words`) }))}
      />
      <MenuScope field="mode" scope={scope} onScope={setScope} />
    </Menu>
  );
}
