import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openPill } from '../../actions/composer';
import { usePage, usePageState } from '../../hooks';
import { nextLevel } from '../../state';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { Menu, MenuChoices } from '../../ui/kit/menu';
import styles from './composer.module.css';
import { PillButton } from './pill';
import { apply, MenuScope, useScope } from './scope_choice';

const LEVELS = ['L1', 'L2', 'L3'] as const;
// It writes and runs without a question.
const RISKY = 'L3';

export function LevelPill(): ReactNode {
  const page = usePage();
  const words = useWords('composer.level');
  const level = usePageState(nextLevel);
  const isOverridden = usePageState((state) => state.overrides.level !== undefined);
  const isOpen = usePageState((state) => state.openPill === 'level');
  const hasNoSandbox = usePageState((state) => state.health?.sandbox === 'none');
  // Whatever its level is, such a session asks nothing.
  const isUnrestricted = usePageState((state) => state.transcript.policy === 'unrestricted');
  const [scope, setScope] = useScope();
  const known = LEVELS.find((each) => each === level);
  return (
    <Menu
      side="top"
      isOpen={isOpen}
      onOpen={(open) => void perform(page, openPill, open ? 'level' : '')}
      trigger={<PillButton label={words('label')} value={isUnrestricted ? words('unrestricted') : known ? words(known) : level} tone={isUnrestricted ? 'err' : level === RISKY ? 'warn' : undefined} isOverridden={isOverridden} />}
    >
      <MenuChoices
        label={words('label')}
        value={level}
        onChoose={(value) => apply(page, 'level', value, scope)}
        options={LEVELS.map((each) => ({ value: each as string, label: words(each), description: words(`${each}Words`), isDangerous: each === RISKY }))}
      />
      {isUnrestricted ? <p className={classes(styles.note, 'err')}>{words('unrestrictedWords')}</p> : null}
      {hasNoSandbox ? <p className={classes(styles.note, 'dim')}>{words('noSandbox')}</p> : null}
      <MenuScope field="level" scope={scope} onScope={setScope} />
    </Menu>
  );
}
