import { memo, type ReactNode, useEffect, useMemo, useRef, useState } from 'react';
import { perform } from '../actions/action';
import { wrapOutput } from '../actions/view';
import { usePage, usePageState } from '../hooks';
import { useWords } from '../strings/strings';
import { CopyButton } from './copy_button';
import { Revealed } from './exact';
import { Button } from './kit/button';
import { classes } from './kit/classes';
import styles from './terminal_output.module.css';
import { OutputReader, type OutputLine, plainText } from './terminal_text';

const LINES_SHOWN = 400;
// More than a browser draws without a pause.
const LINES_MAX = 20_000;
const CHUNK = 100;
// So near the end, new lines are followed.
const FOLLOW_PX = 24;

// The output of a command, with its colours: its end while it runs, and otherwise its beginning; all of it after one more click.
export function TerminalOutput({ text, isRunning = false }: { text: string; isRunning?: boolean }): ReactNode {
  const page = usePage();
  const words = useWords('output');
  const isWrapped = usePageState((state) => state.choices.wrap !== 'off');
  const [isWhole, setWhole] = useState(false);
  const reader = useRef<OutputReader>(null);
  reader.current ??= new OutputReader();
  const lines = useMemo(() => reader.current?.read(text.replace(/\n+$/, '')) ?? [], [text]);
  const count = isWhole ? LINES_MAX : LINES_SHOWN;
  const left = Math.max(0, lines.length - count);
  // Whole chunks stay the same as lines come.
  const first = isRunning ? Math.ceil(left / CHUNK) * CHUNK : 0;
  const chunks: OutputLine[][] = [];
  for (let at = first; at < Math.min(first + count, lines.length); at += CHUNK) chunks.push(lines.slice(at, Math.min(at + CHUNK, first + count)));
  const frame = useRef<HTMLPreElement>(null);
  const isAtEnd = useRef(true);
  useEffect(() => {
    if (isRunning && isAtEnd.current && frame.current) frame.current.scrollTop = frame.current.scrollHeight;
  }, [text, isRunning]);
  const onScroll = () => {
    const { scrollHeight = 0, scrollTop = 0, clientHeight = 0 } = frame.current ?? {};
    isAtEnd.current = scrollHeight - scrollTop - clientHeight < FOLLOW_PX;
  };
  const more = left && !isWhole ? (
    <Button look="quiet" size="small" onClick={() => setWhole(true)}>
      {words(isRunning ? 'earlier' : 'more', { count: Math.min(left, LINES_MAX) })}
    </Button>
  ) : null;
  return (
    <div className={styles.frame}>
      <p className={styles.bar}>
        <Button look="quiet" size="small" aria-pressed={isWrapped} onClick={() => void perform(page, wrapOutput, !isWrapped)}>
          {words('wrap')}
        </Button>
        <CopyButton what={words('output')} text={() => lines.map(plainText).join('\n')} className={styles.copy} />
      </p>
      {isRunning ? more : null}
      <pre ref={frame} className={classes(styles.output, isWrapped && styles.wrapped)} tabIndex={0} onScroll={onScroll}>
        {chunks.map((chunk, at) => (
          <Chunk key={first + at * CHUNK} lines={chunk} />
        ))}
      </pre>
      {isRunning ? null : more}
      {left && isWhole ? <p className={styles.left}>{words('left', { count: left })}</p> : null}
    </div>
  );
}

const Chunk = memo(
  function Chunk({ lines }: { lines: OutputLine[] }): ReactNode {
    return lines.map((line, at) => (
      <span key={at}>
        {line.pieces.map((piece, index) =>
          piece.tone ? (
            <span key={index} className={piece.tone}>
              <Revealed text={piece.text} />
            </span>
          ) : (
            <Revealed key={index} text={piece.text} />
          ),
        )}
        {'\n'}
      </span>
    ));
  },
  (before, now) => before.lines.length === now.lines.length && before.lines.every((line, at) => line === now.lines[at]),
);
