import type { ReactNode } from 'react';
import { Exact } from '../../ui/exact';
import { classes } from '../../ui/kit/classes';
import { line } from '../../visible';
import styles from './leaves.module.css';
import type { Leaf } from './question';

// Names with their texts, whole and exact: one below the other, short ones in a row, or as `className` has them. A text that is alone has the whole width.
export function Leaves({ leaves, isShort = false, className = isShort ? styles.short : classes(styles.leaves, leaves.length === 1 && styles.single) }: { leaves: readonly Leaf[]; isShort?: boolean; className?: string }): ReactNode {
  if (!leaves.length) return null;
  return (
    <dl className={className}>
      {leaves.map((leaf, at) => (
        <div key={at}>
          <dt>
            {line(leaf.name)}
            {leaf.kind ? ` (${leaf.kind})` : ''}
          </dt>
          <dd>
            <code className="exact">
              <Exact text={leaf.text} />
            </code>
          </dd>
        </div>
      ))}
    </dl>
  );
}
