// The label of an action in the language of the person, where a button draws itself.

import type { ReactNode } from 'react';
import type { Action } from './action';
import { useActionWords } from './words';

export function ActionLabel({ action }: { action: Pick<Action<never>, 'id' | 'name' | 'label'> }): ReactNode {
  return useActionWords(action).label;
}
