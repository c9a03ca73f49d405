import type { ComponentProps, ReactNode } from 'react';
import styles from './button.module.css';
import { classes } from './classes';

export interface ButtonProps extends ComponentProps<'button'> {
  // primary: the one thing to do here. danger: it loses something. quiet: without a border.
  look?: 'plain' | 'primary' | 'danger' | 'quiet';
  size?: 'normal' | 'small';
}

export function Button({ look = 'plain', size = 'normal', className, type = 'button', ...rest }: ButtonProps): ReactNode {
  return <button type={type} className={classes(styles.button, styles[look], size === 'small' && styles.small, className)} {...rest} />;
}

// A button that shows only a glyph; `label` is its name for those who cannot see it, and its tooltip.
export function IconButton({ label, children, className, ...rest }: ButtonProps & { label: string }): ReactNode {
  return (
    <Button look="quiet" aria-label={label} title={label} className={classes(styles.icon, className)} {...rest}>
      <span aria-hidden="true">{children}</span>
    </Button>
  );
}
