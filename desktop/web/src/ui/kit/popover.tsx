// A button that opens a small panel beside it, and words that explain what a pointer or the focus is on.

import { Popover as Base } from '@base-ui/react/popover';
import { Tooltip as BaseTooltip } from '@base-ui/react/tooltip';
import type { ReactElement, ReactNode } from 'react';
import { classes } from './classes';
import styles from './popup.module.css';

interface PopoverProps {
  trigger: ReactElement;
  title?: ReactNode;
  children: ReactNode;
  side?: 'top' | 'bottom';
  align?: 'start' | 'end';
  isOpen?: boolean;
  onOpen?: (isOpen: boolean) => void;
}

export function Popover({ trigger, title, children, side = 'bottom', align = 'start', isOpen, onOpen }: PopoverProps): ReactNode {
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => onOpen?.(open)}>
      <Base.Trigger render={trigger} />
      <Base.Portal>
        <Base.Positioner className={styles.positioner} side={side} align={align} sideOffset={4} collisionPadding={8}>
          <Base.Popup className={styles.popup}>
            <div className={styles.content}>
              {title ? <Base.Title className={styles.title}>{title}</Base.Title> : null}
              {children}
            </div>
          </Base.Popup>
        </Base.Positioner>
      </Base.Portal>
    </Base.Root>
  );
}

// `children`: one element that can have the focus. The words say more than its label, and never the only thing that has to be known.
export function Tooltip({ words, children }: { words: ReactNode; children: ReactElement }): ReactNode {
  return (
    <BaseTooltip.Root>
      <BaseTooltip.Trigger render={children} />
      <BaseTooltip.Portal>
        <BaseTooltip.Positioner className={styles.positioner} sideOffset={4} collisionPadding={8}>
          <BaseTooltip.Popup className={classes(styles.popup, styles.tooltip)}>{words}</BaseTooltip.Popup>
        </BaseTooltip.Positioner>
      </BaseTooltip.Portal>
    </BaseTooltip.Root>
  );
}
