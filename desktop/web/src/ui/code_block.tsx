import type { ReactNode } from 'react';
import { CopyButton } from './copy_button';

// A block of code with its language, and a button that copies it.
export function CodeBlock({ text, language }: { text: string; language: string }): ReactNode {
  return (
    <figure className="code">
      {language ? <figcaption>{language}</figcaption> : null}
      <CopyButton what={language ? `${language} code` : 'code'} text={() => text} />
      <pre tabIndex={0}>
        <code>{text}</code>
      </pre>
    </figure>
  );
}
