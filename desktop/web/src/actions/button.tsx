// The button of an action: its label, its shortcut, and whether it can be pressed.

import type { ReactNode } from 'react';
import { usePage, usePageState } from '../hooks';
import { Keys } from '../ui/keys';
import { type Action, perform } from './action';

interface Props<Argument> {
  action: Action<Argument>;
  argument: Argument;
  // Instead of the action's label.
  children?: ReactNode;
  className?: string;
  title?: string;
}

export function ActionButton<Argument>({ action, argument, children, className, title }: Props<Argument>): ReactNode {
  const page = usePage();
  const isReady = usePageState((state) => action.when(state, argument));
  const shown = action.keys[action.keys.length - 1];
  return (
    <button type="button" className={className} title={title} disabled={!isReady} onClick={() => void perform(page, action, argument)}>
      {children ?? action.label} {shown ? <Keys shortcut={shown} /> : null}
    </button>
  );
}
