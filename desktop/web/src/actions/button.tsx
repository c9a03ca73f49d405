// The button of an action: its label, its shortcut, and whether it can be pressed.

import type { ReactNode } from 'react';
import { usePage, usePageState } from '../hooks';
import { ariaKeys, Keys } from '../ui/keys';
import { type Action, perform } from './action';
import { keysOf, shownKey } from './keymap';
import { isOffered } from './offered';
import { IS_WINDOW, useActionWords } from './words';

interface Props<Argument> {
  action: Action<Argument>;
  argument: Argument;
  // Instead of the action's label.
  children?: ReactNode;
  className?: string;
  title?: string;
  // Instead of the action's own.
  shortcut?: string;
  describedBy?: string;
  // Its name, where what it shows does not say all.
  label?: string;
}

export function ActionButton<Argument>({ action, argument, children, className, title, shortcut, describedBy, label }: Props<Argument>): ReactNode {
  const page = usePage();
  const isReady = usePageState((state) => action.when(state, argument));
  const bindings = usePageState((state) => state.bindings);
  const words = useActionWords(action);
  const isThere = usePageState((state) => isOffered(state, action));
  const shown = shortcut ?? shownKey(action, bindings, IS_WINDOW);
  if (!isThere) return null;
  return (
    <button type="button" className={className} title={title} aria-label={label} aria-describedby={describedBy} disabled={!isReady} aria-keyshortcuts={ariaKeys(keysOf(action, bindings))} onClick={() => void perform(page, action, argument)}>
      {children ?? words.label} {shown ? <Keys shortcut={shown} /> : null}
    </button>
  );
}
