import { memo, type ReactNode, useEffect, useMemo, useState } from 'react';
import { useKeptOpen } from '../hooks';
import { useWords } from '../strings/strings';
import styles from './code_block.module.css';
import { type BlockColours, COLOURED_MAX, coloursOf } from './colours/block_colours';
import type { Token } from './colours/grammars';
import { CopyButton } from './copy_button';
import { Revealed } from './exact';
import { Button } from './kit/button';

// Longer blocks are folded to so many lines, also while they grow: the page keeps its height.
const FOLDED_LINES = 40;
const CHUNK = 50;
// The beginning of a block names it, once it is long enough to be folded.
const NAME_CHARS = 120;

// A block of code with its language, its colours, and a button that copies it.
export const CodeBlock = memo(function CodeBlock({ text, language }: { text: string; language: string }): ReactNode {
  const words = useWords('code');
  const lines = useMemo(() => text.split('\n'), [text]);
  const [isWhole = false, setWhole] = useKeptOpen(`code ${text.slice(0, NAME_CHARS)}`);
  const isLong = lines.length > FOLDED_LINES;
  const shown = useMemo(() => (isLong && !isWhole ? lines.slice(0, FOLDED_LINES) : lines), [lines, isLong, isWhole]);
  const coloured = useColours(language, shown);
  const chunks: (string | Token[])[][] = [];
  for (let at = 0; at < shown.length; at += CHUNK) chunks.push(shown.slice(at, at + CHUNK).map((line, index) => coloured[at + index] ?? line));
  return (
    <figure className={styles.code} dir="ltr">
      <figcaption>
        <span>{language || words('plain')}</span>
        <CopyButton what={language ? words('copyOf', { language }) : words('copy')} text={() => text} className={styles.copy} />
      </figcaption>
      <pre tabIndex={0}>
        <code>
          {chunks.map((chunk, at) => (
            <Chunk key={at} lines={chunk} isLast={at === chunks.length - 1} />
          ))}
        </code>
      </pre>
      {isLong ? (
        <p className={styles.fold}>
          <Button look="quiet" size="small" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
            {isWhole ? words('fold') : words('showAll', { count: lines.length })}
          </Button>
          {isWhole && lines.length > COLOURED_MAX ? <span className="dim">{words('coloured', { count: COLOURED_MAX })}</span> : null}
        </p>
      ) : null}
    </figure>
  );
});

// Lines that stay as they are, are not drawn again when others come.
const Chunk = memo(
  function Chunk({ lines, isLast }: { lines: (string | Token[])[]; isLast: boolean }): ReactNode {
    return lines.map((line, at) => (
      <span key={at}>
        {typeof line === 'string' ? <Revealed text={line} /> : line.map((token, index) => <Part key={index} token={token} />)}
        {isLast && at === lines.length - 1 ? null : '\n'}
      </span>
    ));
  },
  (before, now) => before.isLast === now.isLast && before.lines.length === now.lines.length && before.lines.every((line, at) => line === now.lines[at]),
);

function Part({ token }: { token: Token }): ReactNode {
  if (!token.tone) return <Revealed text={token.text} />;
  return (
    <span className={styles[token.tone]}>
      <Revealed text={token.text} />
    </span>
  );
}

// The tokens of each line, null where none are known.
function useColours(language: string, lines: readonly string[]): (Token[] | null)[] {
  const [, setRound] = useState(0);
  const [colours, setColours] = useState<BlockColours | null>(null);
  useEffect(() => {
    const made = coloursOf(language, () => setRound((round) => round + 1));
    setColours(made);
    return () => made?.close();
  }, [language]);
  useEffect(() => colours?.want(lines), [colours, lines]);
  return lines.map((line, at) => colours?.tokens(at, line) ?? null);
}
