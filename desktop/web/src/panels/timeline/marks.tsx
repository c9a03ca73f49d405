import type { ReactNode } from 'react';
import type { Turn } from '../../transcript';

// The points at which the turn may have left its course.
export function Marks({ turn }: { turn: Turn }): ReactNode {
  if (!turn.marks.length) return null;
  return (
    <details className="marks dim">
      <summary>
        {turn.marks.length} {turn.marks.length === 1 ? 'mark' : 'marks'} where it may have changed course
      </summary>
      <ol>
        {turn.marks.map((mark) => (
          <li key={mark.seq}>
            <span className="num">event {mark.seq}</span> · {mark.kind} · {mark.text}
          </li>
        ))}
      </ol>
    </details>
  );
}
