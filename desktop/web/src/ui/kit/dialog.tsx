// A window in the window that has to be dealt with first, and a sheet at one side that need not be.

import { Dialog as Base } from '@base-ui/react/dialog';
import { type ReactNode, useRef } from 'react';
import { classes } from './classes';
import styles from './popup.module.css';

interface DialogProps {
  isOpen: boolean;
  // It was closed: by Escape, by a click beside it, or by a button in it.
  onClose: () => void;
  title: ReactNode;
  description?: ReactNode;
  children: ReactNode;
  // Its buttons, the one that does something last.
  buttons?: ReactNode;
  isWide?: boolean;
  // It is there to be read: the focus is on the window itself, and its beginning is in sight, not its first button.
  isText?: boolean;
}

export function Dialog({ isOpen, onClose, title, description, children, buttons, isWide, isText }: DialogProps): ReactNode {
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => (open ? undefined : onClose())}>
      <Base.Portal>
        <Base.Backdrop className={styles.backdrop} />
        <Base.Popup ref={popup} initialFocus={isText ? popup : true} className={classes(styles.dialog, isWide && styles.wide)} data-scope="dialog">
          <Base.Title className={styles.title}>{title}</Base.Title>
          {description ? <Base.Description className={styles.description}>{description}</Base.Description> : null}
          {children}
          {buttons ? <div className={styles.buttons}>{buttons}</div> : null}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}

interface SheetProps extends Omit<DialogProps, 'buttons' | 'description'> {
  side?: 'start' | 'end';
  isModal?: boolean;
  // As wide as a list, and not as a page.
  isSlim?: boolean;
}

// A panel over one side of the window. The rest of the page stays usable unless `isModal`.
export function Sheet({ isOpen, onClose, title, children, side = 'end', isModal = false, isWide, isText, isSlim }: SheetProps): ReactNode {
  const popup = useRef<HTMLDivElement>(null);
  return (
    <Base.Root open={isOpen} onOpenChange={(open) => (open ? undefined : onClose())} modal={isModal} disablePointerDismissal={!isModal}>
      <Base.Portal>
        {isModal ? <Base.Backdrop className={styles.backdrop} /> : null}
        <Base.Popup ref={popup} initialFocus={isText ? popup : true} className={classes(styles.sheet, styles[side], isWide && styles.wideSheet, isSlim && styles.slim)} data-scope="sheet">
          <Base.Title className={styles.title}>{title}</Base.Title>
          {children}
        </Base.Popup>
      </Base.Portal>
    </Base.Root>
  );
}
