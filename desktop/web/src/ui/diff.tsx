import { memo, type ReactNode } from 'react';
import { type DiffLine, diffLines } from './diff_lines';
import { Exact } from './exact';

const TONES: Record<DiffLine['kind'], string> = { head: 'dim', same: '', add: 'add', del: 'del' };

// A unified diff, every line of it. Numbers and word marks are added to the text, never put into it.
export const Diff = memo(function Diff({ text }: { text: string }): ReactNode {
  return (
    <pre className="diff exact">
      {diffLines(text).map((line, at) => (
        <span key={at} className={TONES[line.kind]} data-at={line.at || undefined}>
          {line.parts ? <Marked line={line} /> : line.text ? <Exact text={line.text} /> : ' '}
        </span>
      ))}
    </pre>
  );
});

function Marked({ line }: { line: DiffLine }): ReactNode {
  return (
    <>
      {line.text[0]}
      {(line.parts ?? []).map((part, at) => (part.isChanged ? <mark key={at}>{part.text}</mark> : part.text))}
    </>
  );
}
