import { type ReactNode, useEffect, useState } from 'react';
import { usePage } from '../hooks';

const SHOWN_MS = 1_500;

// Copies a text; says so for a moment, or why it could not.
export function CopyButton({ what, text }: { what: string; text: () => string }): ReactNode {
  const page = usePage();
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
    <button type="button" className="quiet copy" aria-label={`Copy ${what}`} onClick={() => void copy()}>
      {isCopied ? 'Copied' : 'Copy'}
    </button>
  );
}
