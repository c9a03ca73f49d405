import type { ReactNode } from 'react';
import { type Action, perform } from '../../actions/action';
import { usePage, usePageState } from '../../hooks';
import type { Overrides } from '../../state';

interface Props {
  field: keyof Overrides;
  label: string;
  tone: string;
  options: [value: string, label: string][];
  value: string;
  action: Action<string>;
}

// A choice for the next message; marked when it differs from what the session has.
export function Pill({ field, label, tone, options, value, action }: Props): ReactNode {
  const page = usePage();
  const isChanged = usePageState((state) => state.overrides[field] !== undefined);
  return (
    <select
      aria-label={label}
      className={`pill ${tone} ${isChanged ? 'changed' : ''}`}
      value={value}
      onChange={(event) => void perform(page, action, event.target.value)}
    >
      {options.map(([each, name]) => (
        <option key={each} value={each}>
          {name}
        </option>
      ))}
    </select>
  );
}
