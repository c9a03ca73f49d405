// A button that opens a long list in groups, with a field that searches it.

import { Combobox as Base } from '@base-ui/react/combobox';
import type { ReactElement, ReactNode } from 'react';
import { classes } from './classes';
import styles from './popup.module.css';

export interface PickerOption {
  value: string;
  // What the search reads.
  label: string;
  hint?: ReactNode;
  // A second line: what it can, and how it is.
  description?: ReactNode;
  disabled?: boolean;
}

export interface PickerGroup {
  value: string;
  label: ReactNode;
  items: PickerOption[];
}

interface PickerProps {
  // Its name for those who cannot see where it stands.
  label: string;
  trigger: ReactElement;
  groups: PickerGroup[];
  value: string;
  onChoose: (value: string) => void;
  isOpen: boolean;
  onOpen: (isOpen: boolean) => void;
  searchWords: string;
  emptyWords: string;
  // From so many options on, the search field is shown. Typing searches in any case.
  searchFrom?: number;
  side?: 'top' | 'bottom';
  // Stands below the list.
  children?: ReactNode;
}

export function Picker({ label, trigger, groups, value, onChoose, isOpen, onOpen, searchWords, emptyWords, searchFrom = 11, side = 'bottom', children }: PickerProps): ReactNode {
  const count = groups.reduce((sum, group) => sum + group.items.length, 0);
  const chosen = groups.flatMap((group) => group.items).find((option) => option.value === value) ?? null;
  return (
    <Base.Root
      items={groups}
      value={chosen}
      onValueChange={(option: PickerOption | null) => (option ? onChoose(option.value) : undefined)}
      isItemEqualToValue={(one: PickerOption, other: PickerOption) => one.value === other.value}
      itemToStringLabel={(option: PickerOption) => option.label}
      open={isOpen}
      onOpenChange={(open) => onOpen(open)}
    >
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={styles.positioner} side={side} align="start" sideOffset={4} collisionPadding={8}>
          <Base.Popup className={styles.popup} aria-label={label}>
            <Base.Input className={classes(styles.search, count < searchFrom && 'sr-only')} placeholder={searchWords} aria-label={searchWords} />
            <Base.Empty className={styles.empty}>{emptyWords}</Base.Empty>
            <Base.List className={styles.list} aria-label={label}>
              {(group: PickerGroup) => (
                <Base.Group key={group.value} items={group.items}>
                  <Base.GroupLabel className={styles.group}>{group.label}</Base.GroupLabel>
                  <Base.Collection>
                    {(option: PickerOption) => (
                      <Base.Item key={option.value} value={option} className={styles.item} disabled={option.disabled}>
                        <span className={styles.check} aria-hidden="true">
                          {option.value === value ? '✓' : ''}
                        </span>
                        <span className={styles.words}>
                          <span className={styles.label}>{option.label}</span>
                          {option.description ? <span className={styles.description}>{option.description}</span> : null}
                        </span>
                        {option.hint ? <span className={styles.hint}>{option.hint}</span> : null}
                      </Base.Item>
                    )}
                  </Base.Collection>
                </Base.Group>
              )}
            </Base.List>
            {children}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
