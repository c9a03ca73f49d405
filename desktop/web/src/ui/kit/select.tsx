// A choice of one, drawn by the page instead of by the system.

import { Select as Base } from '@base-ui/react/select';
import type { ReactNode } from 'react';
import buttons from './button.module.css';
import { classes } from './classes';
import styles from './popup.module.css';

interface SelectProps<Value extends string> {
  // Its name for those who cannot see where it stands.
  label: string;
  value: Value;
  onChoose: (value: Value) => void;
  options: readonly { value: Value; label: string; hint?: ReactNode; disabled?: boolean }[];
  className?: string;
}

export function Select<Value extends string>({ label, value, onChoose, options, className }: SelectProps<Value>): ReactNode {
  return (
    <Base.Root items={options.map((option) => ({ value: option.value, label: option.label }))} value={value} onValueChange={(chosen) => (chosen === null ? undefined : onChoose(chosen as Value))} modal={false}>
      <Base.Trigger className={classes(buttons.button, className)} aria-label={label}>
        <Base.Value /> <Base.Icon aria-hidden="true">▾</Base.Icon>
      </Base.Trigger>
      <Base.Portal>
        <Base.Positioner className={styles.positioner} sideOffset={4} collisionPadding={8} alignItemWithTrigger={false}>
          <Base.Popup className={styles.popup}>
            {options.map((option) => (
              <Base.Item key={option.value} value={option.value} className={styles.item} disabled={option.disabled}>
                <span className={styles.check} aria-hidden="true">
                  <Base.ItemIndicator>✓</Base.ItemIndicator>
                </span>
                <Base.ItemText className={styles.label}>{option.label}</Base.ItemText>
                {option.hint ? <span className={styles.hint}>{option.hint}</span> : null}
              </Base.Item>
            ))}
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}
