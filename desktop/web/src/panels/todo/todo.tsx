import type { ReactNode } from 'react';
import { usePageState } from '../../hooks';

const MARKS: Record<string, [glyph: string, tone: string, word: string]> = {
  open: ['○', 'dim', 'open'],
  doing: ['●', 'live', 'being done'],
  done: ['✓', 'ok', 'done'],
};

// The model's to-do list: the item that is being done, and on demand all of them. It goes when all is done and nothing runs.
export function Todo(): ReactNode {
  const items = usePageState((state) => state.transcript.plan);
  const isRunning = usePageState((state) => state.transcript.running() !== undefined);
  const done = items.filter((item) => item.state === 'done').length;
  if (!items.length || (!isRunning && done === items.length)) return null;
  const doing = items.find((item) => item.state === 'doing') ?? items.find((item) => item.state !== 'done');
  return (
    <details className="todo" aria-label="Plan">
      <summary>
        <strong>Plan</strong>{' '}
        <span className="dim num">
          {done} of {items.length} done
        </span>{' '}
        {doing?.text ?? ''}
      </summary>
      <ol>
        {items.map((item, at) => {
          const [glyph, tone, word] = MARKS[item.state ?? 'open'] ?? ['○', 'dim', 'open'];
          return (
            <li key={at} className={item.state === 'done' ? 'dim' : undefined}>
              <span className={tone} title={word}>
                {glyph}
              </span>{' '}
              {item.text}
              <span className="sr-only">, {word}</span>
            </li>
          );
        })}
      </ol>
    </details>
  );
}
