import type { ReactNode } from 'react';
import { Exact } from './exact';

// A unified diff, every line of it.
export function Diff({ text }: { text: string }): ReactNode {
  return (
    <pre className="diff exact">
      {text.split('\n').map((line, at) => (
        <span key={at} className={tone(line, at)}>
          {line ? <Exact text={line} /> : ' '}
        </span>
      ))}
    </pre>
  );
}

// Only the first two lines name files: a later line may itself begin with these signs.
function tone(line: string, at: number): string {
  if (at < 2 || line.startsWith('@@')) return 'dim';
  return line.startsWith('+') ? 'add' : line.startsWith('-') ? 'del' : '';
}
