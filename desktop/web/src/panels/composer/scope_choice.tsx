import { perform } from '../../actions/action';
import { chooseLevel, chooseMode, chooseModel } from '../../actions/composer';
import { chooseDefaultModel, chooseForSession, followSession } from '../../actions/session_choices';
import { type ReactNode, useState } from 'react';
import { usePage, usePageState } from '../../hooks';
import type { Page } from '../../page';
import type { Overrides } from '../../state';
import { useWords } from '../../strings/strings';
import { MenuChoices, MenuItem, MenuSeparator } from '../../ui/kit/menu';
import styles from './composer.module.css';

// How far a choice reaches.
export type Scope = 'turn' | 'session' | 'default';

const CHOOSE = { mode: chooseMode, model: chooseModel, level: chooseLevel };

export function apply(page: Page, field: keyof Overrides, value: string, scope: Scope): void {
  if (scope === 'session') void perform(page, chooseForSession, { field, value });
  else if (scope === 'default') void perform(page, chooseDefaultModel, value);
  else void perform(page, CHOOSE[field], value);
}

// The scopes that there are now: without a session, the next message makes it.
export function useScopes(field: keyof Overrides): { value: Scope; label: string; disabled: boolean }[] {
  const words = useWords('composer.scope');
  const hasSession = usePageState((state) => state.selected !== '');
  const scopes: Scope[] = field === 'model' ? ['turn', 'session', 'default'] : ['turn', 'session'];
  return scopes.map((value) => ({ value, label: words(value), disabled: value === 'session' && !hasSession }));
}

// Below the choices of a menu: how far they reach, and the return to what the session has.
export function MenuScope({ field, scope, onScope }: { field: keyof Overrides; scope: Scope; onScope: (scope: Scope) => void }): ReactNode {
  const page = usePage();
  const words = useWords('composer.scope');
  const isOverridden = usePageState((state) => state.overrides[field] !== undefined);
  return (
    <>
      <MenuSeparator />
      <MenuChoices label={words('label')} value={scope} onChoose={onScope} options={useScopes(field)} staysOpen />
      {isOverridden ? <MenuItem onSelect={() => void perform(page, followSession, field)}>{words('follow')}</MenuItem> : null}
    </>
  );
}

// The same below a list that is no menu.
export function ScopeButtons({ field, scope, onScope }: { field: keyof Overrides; scope: Scope; onScope: (scope: Scope) => void }): ReactNode {
  const page = usePage();
  const words = useWords('composer.scope');
  const isOverridden = usePageState((state) => state.overrides[field] !== undefined);
  return (
    <div className={styles.scopes}>
      <fieldset>
        <legend>{words('label')}</legend>
        {useScopes(field).map((each) => (
          <label key={each.value}>
            <input type="radio" name={`scope-${field}`} checked={scope === each.value} disabled={each.disabled} onChange={() => onScope(each.value)} /> {each.label}
          </label>
        ))}
      </fieldset>
      {isOverridden ? (
        <button type="button" onClick={() => void perform(page, followSession, field)}>
          {words('follow')}
        </button>
      ) : null}
    </div>
  );
}

export function useScope(): [Scope, (scope: Scope) => void] {
  return useState<Scope>('turn');
}
