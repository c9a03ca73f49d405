// The words of an action in the language of the person: from the catalogue `actions`, else the English ones of the action itself.

import { useMessages } from 'use-intl';
import type { Action } from './action';

export interface ActionWords {
  name: string;
  label: string;
}

// A catalogue nests the words by the parts of the id: `{ session: { new: { name, label } } }`.
interface Words extends Partial<ActionWords> {
  [part: string]: Words | string | undefined;
}

// Whether the page is shown in a window of Opta, which has all keys for itself, and not in a tab of a browser.
export const IS_WINDOW = 'pywebview' in globalThis || (typeof matchMedia === 'function' && matchMedia('(display-mode: standalone)').matches);

type Worded = Pick<Action<never>, 'id' | 'name' | 'label'>;

export function useActionWords(action: Worded): ActionWords {
  return wordsOf(action, useMessages());
}

// The same for a list of actions. `messages`: the whole catalogue.
export function wordsOf({ id, name, label }: Worded, messages: object): ActionWords {
  const { actions } = messages as { actions?: Words };
  const found = id.split('.').reduce<Words | undefined>((words, part) => (typeof words?.[part] === 'object' ? words[part] : undefined), actions);
  return { name: found?.name ?? name, label: found?.label ?? label };
}
