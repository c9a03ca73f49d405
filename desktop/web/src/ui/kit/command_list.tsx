// A field with the list of what it finds, in groups: arrow keys choose, Enter takes.

import { Autocomplete as Base } from '@base-ui/react/autocomplete';
import type { ReactNode } from 'react';
import { classes } from './classes';
import styles from './popup.module.css';

export interface CommandItem {
  // Names it in the list.
  value: string;
  label: string;
  hint?: ReactNode;
}

export interface CommandGroup {
  value: string;
  label: string;
  items: CommandItem[];
}

interface CommandListProps {
  label: string;
  listLabel: string;
  text: string;
  onText: (text: string) => void;
  // What fits the text already.
  groups: CommandGroup[];
  onTake: (value: string) => void;
  emptyWords: string;
}

export function CommandList({ label, listLabel, text, onText, groups, onTake, emptyWords }: CommandListProps): ReactNode {
  return (
    <Base.Root open inline items={groups} value={text} onValueChange={(value) => onText(value)} autoHighlight="always" keepHighlight filter={null} itemToStringValue={(item: CommandItem) => item.label}>
      <Base.Input className={styles.search} placeholder={label} aria-label={label} />
      <Base.Empty className={styles.empty}>{emptyWords}</Base.Empty>
      <Base.List className={classes(styles.list, styles.commands)} aria-label={listLabel}>
        {(group: CommandGroup) => (
          <Base.Group key={group.value} items={group.items}>
            <Base.GroupLabel className={styles.group}>{group.label}</Base.GroupLabel>
            <Base.Collection>
              {(item: CommandItem) => (
                <Base.Item key={item.value} value={item} className={styles.item} onClick={() => onTake(item.value)}>
                  <span className={styles.label}>{item.label}</span>
                  {item.hint ? <span className={styles.hint}>{item.hint}</span> : null}
                </Base.Item>
              )}
            </Base.Collection>
          </Base.Group>
        )}
      </Base.List>
    </Base.Root>
  );
}
