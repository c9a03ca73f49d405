// A button that opens a list of things to do, or of choices.

import { Menu as Base } from '@base-ui/react/menu';
import type { ReactElement, ReactNode } from 'react';
import { Keys } from '../keys';
import { classes } from './classes';
import styles from './popup.module.css';

interface MenuProps {
  // The button that opens it.
  trigger: ReactElement;
  children: ReactNode;
  align?: 'start' | 'end';
  side?: 'top' | 'bottom';
  // Given both, its owner says whether it is open.
  isOpen?: boolean;
  onOpen?: (isOpen: boolean) => void;
}

export function Menu({ trigger, children, align = 'start', side = 'bottom', isOpen, onOpen }: MenuProps): ReactNode {
  return (
    <Base.Root modal={false} open={isOpen} onOpenChange={(open) => onOpen?.(open)}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={styles.positioner} align={align} side={side} sideOffset={4} collisionPadding={8}>
          <Base.Popup className={styles.popup}>{children}</Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

interface ItemProps {
  children: ReactNode;
  onSelect: () => void;
  disabled?: boolean;
  isDangerous?: boolean;
  // Shown behind the words: a shortcut such as 'Mod+E', or what the item stands for.
  shortcut?: string;
  hint?: ReactNode;
}

export function MenuItem({ children, onSelect, disabled, isDangerous, shortcut, hint }: ItemProps): ReactNode {
  return (
    <Base.Item className={classes(styles.item, isDangerous && styles.danger)} disabled={disabled} onClick={onSelect}>
      <span className={styles.label}>{children}</span>
      {hint ? <span className={styles.hint}>{hint}</span> : null}
      {shortcut ? <Keys shortcut={shortcut} /> : null}
    </Base.Item>
  );
}

interface ChoicesProps<Value extends string> {
  label?: ReactNode;
  value: Value;
  onChoose: (value: Value) => void;
  options: readonly { value: Value; label: ReactNode; hint?: ReactNode; disabled?: boolean; description?: ReactNode; isDangerous?: boolean }[];
  // Whether the menu stays open for another choice in it.
  staysOpen?: boolean;
}

// Choices of which one holds. A description stands below its label and may be a sentence.
export function MenuChoices<Value extends string>({ label, value, onChoose, options, staysOpen = false }: ChoicesProps<Value>): ReactNode {
  return (
    <Base.Group>
      {label ? <Base.GroupLabel className={styles.group}>{label}</Base.GroupLabel> : null}
      <Base.RadioGroup value={value} onValueChange={(chosen: Value) => onChoose(chosen)}>
        {options.map((option) => (
          <Base.RadioItem key={option.value} value={option.value} className={classes(styles.item, option.isDangerous && styles.danger)} disabled={option.disabled} closeOnClick={!staysOpen}>
            <span className={styles.check} aria-hidden="true">
              {option.value === value ? '✓' : ''}
            </span>
            {option.description ? (
              <span className={styles.words}>
                {option.label}
                <span className={styles.description}>{option.description}</span>
              </span>
            ) : (
              <span className={styles.label}>{option.label}</span>
            )}
            {option.hint ? <span className={styles.hint}>{option.hint}</span> : null}
          </Base.RadioItem>
        ))}
      </Base.RadioGroup>
    </Base.Group>
  );
}

// A part of a menu with a heading.
export function MenuGroup({ label, children }: { label: ReactNode; children: ReactNode }): ReactNode {
  return (
    <Base.Group>
      <Base.GroupLabel className={styles.group}>{label}</Base.GroupLabel>
      {children}
    </Base.Group>
  );
}

export function MenuSeparator(): ReactNode {
  return <Base.Separator className={styles.separator} />;
}
