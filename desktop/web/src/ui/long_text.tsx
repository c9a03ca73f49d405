import { memo, type ReactNode } from 'react';

// A growing text node costs its whole length at every change, so a long text is drawn in parts of which only the last one changes.
const PART_CHARS = 2_000;

export function LongText({ text }: { text: string }): ReactNode {
  const parts: string[] = [];
  for (let at = 0; at < text.length; at += PART_CHARS) parts.push(text.slice(at, at + PART_CHARS));
  return parts.map((part, at) => <Part key={at} text={part} />);
}

const Part = memo(function Part({ text }: { text: string }): ReactNode {
  return <span>{text}</span>;
});
