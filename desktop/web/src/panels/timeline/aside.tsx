import type { ReactNode } from 'react';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import type { Aside } from './asides';
import { Opener } from './opener';
import styles from './timeline.module.css';
import { timeWithSeconds } from '../../strings/formats';

const GLYPHS: Record<Exclude<Aside['kind'], 'injected'>, string> = {
  warning: '!',
  plan: '☰',
  pause: '‖',
  undo: '↶',
  settings: '⚙',
  cleared: '⌫',
  worktree: '⎇',
  service: '⚡',
  model: '⇄',
  fold: '⤵',
  reconnect: '⟳',
};
const WARNS: Aside['kind'][] = ['warning', 'model'];

// One line between the parts of a turn, or between turns.
export function AsideLine({ aside }: { aside: Aside }): ReactNode {
  if (aside.kind === 'injected') return <InjectedLine aside={aside} />;
  return (
    <p className={classes(styles.aside, WARNS.includes(aside.kind) && 'warn')} data-seq={aside.seq} title={aside.ts ? timeWithSeconds(aside.ts) : undefined}>
      <span aria-hidden="true">{GLYPHS[aside.kind]}</span> <span lang="en">{aside.text}</span>
    </p>
  );
}

// Context that was added to the prompt: files, memory, skills. It opens to what the model read.
function InjectedLine({ aside }: { aside: Extract<Aside, { kind: 'injected' }> }): ReactNode {
  const words = useWords('timeline');
  const names = aside.parts.map(({ source, tokens }) => words('injectedTokens', { source, tokens })).join(', ');
  return (
    <Opener name={`added ${aside.seq}`} seq={aside.seq} className={styles.aside} label={`${words('injected')}: ${names}`}>
      {() =>
        aside.parts.map((part, at) => (
          <pre key={at} className={styles.added}>
            {part.text || words('injectedHidden')}
          </pre>
        ))
      }
    </Opener>
  );
}
