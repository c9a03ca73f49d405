import { type ReactNode, useEffect, useState } from 'react';
import { usePage } from '../hooks';
import { useWords } from '../strings/strings';

const SHOWN_MS = 1_500;

// Copies a text; says so for a moment, or why it could not. `text` may have to be read first.
export function CopyButton({ what, text, className = 'quiet copy' }: { what: string; text: () => string; className?: string }): ReactNode {
  const page = usePage();
  const words = useWords('copy');
  const [isCopied, setCopied] = useState(false);
  useEffect(() => {
    if (!isCopied) return;
    const timer = window.setTimeout(() => setCopied(false), SHOWN_MS);
    return () => window.clearTimeout(timer);
  }, [isCopied]);
  const copy = () =>
    navigator.clipboard.writeText(text()).then(
      () => setCopied(true),
      (error: unknown) => page.report(error),
    );
  return (
    <button type="button" className={className} aria-label={words('label', { what })} onClick={() => void copy()}>
      {isCopied ? words('copied') : words('copy')}
    </button>
  );
}
