import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import styles from './todo.module.css';

type Progress = 'open' | 'doing' | 'done';
const MARKS: Record<Progress, [glyph: string, tone: string]> = { open: ['○', 'dim'], doing: ['●', 'live'], done: ['✓', 'ok'] };

// The model's to-do list: the item that is being done, and on demand all of them. It goes when all is done and nothing runs.
export function Todo(): ReactNode {
  const words = useWords('todo');
  const items = usePageState((state) => state.transcript.plan);
  const isRunning = usePageState((state) => state.transcript.running() !== undefined);
  const done = items.filter((item) => item.state === 'done').length;
  if (!items.length || (!isRunning && done === items.length)) return null;
  const doing = items.find((item) => item.state === 'doing') ?? items.find((item) => item.state !== 'done');
  return (
    <details className={styles.todo} aria-label={words('title')}>
      <summary>
        <strong>{words('title')}</strong> <span className="dim num">{words('done', { done, count: items.length })}</span> {doing?.text ?? ''}
      </summary>
      <ol>
        {items.map((item, at) => {
          const state = progressOf(item.state);
          const [glyph, tone] = MARKS[state];
          return (
            <li key={at} className={state === 'done' ? 'dim' : undefined}>
              <span className={tone} aria-hidden="true">
                {glyph}
              </span>{' '}
              {item.text}
              <span className="sr-only">, {words(`states.${state}`)}</span>
            </li>
          );
        })}
      </ol>
    </details>
  );
}

// A state that this page does not know is as good as open.
function progressOf(state: string | undefined): Progress {
  return state === 'doing' || state === 'done' ? state : 'open';
}
