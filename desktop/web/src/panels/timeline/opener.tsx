import type { ReactNode } from 'react';
import { useKeptOpen } from '../../hooks';
import { classes } from '../../ui/kit/classes';
import styles from './timeline.module.css';

interface Props {
  // Under which it is kept whether it is open.
  name: string;
  label: ReactNode;
  className?: string;
  seq?: number;
  children: () => ReactNode;
}

// One line that opens to more. What it holds is drawn only while it is open.
export function Opener({ name, label, className, seq, children }: Props): ReactNode {
  const [isOpen = false, setOpen] = useKeptOpen(name);
  return (
    <div className={className} data-seq={seq}>
      <button type="button" className={classes('quiet', styles.opener)} aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
        <span aria-hidden="true">{isOpen ? '▾' : '▸'}</span> {label}
      </button>
      {isOpen ? children() : null}
    </div>
  );
}
