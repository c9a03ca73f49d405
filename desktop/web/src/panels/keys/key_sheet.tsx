// All actions with their keys, by group.

import type { ReactNode } from 'react';
import type { Action } from '../../actions/action';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { keysOf } from '../../actions/keymap';
import { hideKeys, resetKeys } from '../../actions/keys';
import { actions } from '../../actions/registry';
import { useActionWords } from '../../actions/words';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Keys } from '../../ui/keys';
import { Button } from '../../ui/kit/button';
import { Dialog } from '../../ui/kit/dialog';
import styles from './key_sheet.module.css';

const GROUPS = ['turn', 'composer', 'session', 'timeline', 'view', 'other'] as const;
type Group = (typeof GROUPS)[number];

const GROUP_OF: Readonly<Record<string, Group>> = { keys: 'view', context: 'session' };

// The part of its id before the dot.
function groupOf({ id }: Action): Group {
  const found = id.split('.')[0] ?? '';
  return GROUPS.find((group) => group === found) ?? GROUP_OF[found] ?? 'other';
}

export function KeySheet(): ReactNode {
  const page = usePage();
  const words = useWords('keys');
  const isOpen = usePageState((state) => state.areKeysShown);
  const close = () => void perform(page, hideKeys, undefined);
  if (!isOpen) return null;
  return (
    <Dialog
      isOpen
      isWide
      isText
      onClose={close}
      title={words('title')}
      description={words('description')}
      buttons={
        <>
          <ActionButton action={resetKeys} argument={undefined} className="quiet" />
          <Button look="primary" onClick={close}>
            {words('close')}
          </Button>
        </>
      }
    >
      <div className={styles.groups}>
        {GROUPS.map((group) => (
          <Group key={group} group={group} />
        ))}
        <section aria-labelledby="keys-card">
          <h3 id="keys-card">{words('groups.card')}</h3>
          <dl className={styles.rows}>
            {(['deny', 'note', 'wider', 'others'] as const).map((each) => (
              <div key={each}>
                <dt>{words(`card.${each}`)}</dt>
                <dd>
                  <Keys shortcut={{ deny: 'Escape', note: 'N', wider: 'A', others: 'Alt+J' }[each]} />
                </dd>
              </div>
            ))}
          </dl>
        </section>
      </div>
    </Dialog>
  );
}

function Group({ group }: { group: Group }): ReactNode {
  const words = useWords('keys');
  const seen = new Set<string>();
  // Of a series, the first stands for all.
  const rows = actions.filter((action) => groupOf(action) === group && (!action.series || (!seen.has(action.series) && seen.add(action.series))));
  return (
    <section aria-labelledby={`keys-${group}`}>
      <h3 id={`keys-${group}`}>{words(`groups.${group}`)}</h3>
      <dl className={styles.rows}>
        {rows.map((action) => (
          <Row key={action.id} action={action} />
        ))}
      </dl>
    </section>
  );
}

function Row({ action }: { action: Action }): ReactNode {
  const words = useWords('keys');
  const bindings = usePageState((state) => state.bindings);
  const { name } = useActionWords(action);
  const keys = keysOf(action, bindings);
  return (
    <div>
      <dt>{action.series ? words('numbered') : name}</dt>
      <dd>
        {keys.length
          ? keys.map((key) => (
              <span key={key} className={styles.key}>
                <Keys shortcut={key} />
                <span className="sr-only">{key}</span>
                {action.series ? ' … 9' : ''}
              </span>
            ))
          : words('none')}
      </dd>
    </div>
  );
}
