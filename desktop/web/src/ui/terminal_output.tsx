import { type ReactNode, useMemo, useState } from 'react';
import { CopyButton } from './copy_button';
import { outputLines, plainText } from './terminal_text';

const LINES_SHOWN = 400;
// More than a browser draws without a pause.
const LINES_MAX = 20_000;

// The output of a command, with its colours; all of it after one more click.
export function TerminalOutput({ text }: { text: string }): ReactNode {
  const [isWhole, setWhole] = useState(false);
  const lines = useMemo(() => outputLines(text), [text]);
  const count = isWhole ? LINES_MAX : LINES_SHOWN;
  const left = lines.length - count;
  return (
    <div className="output-frame">
      <CopyButton what="output" text={() => lines.map(plainText).join('\n')} />
      <pre className="output" tabIndex={0}>
        {lines.slice(0, count).map((line, at) => (
          <span key={at} className="output-line">
            {line.pieces.map((piece, index) =>
              piece.tone ? (
                <span key={index} className={piece.tone}>
                  {piece.text}
                </span>
              ) : (
                piece.text
              ),
            )}
            {'\n'}
          </span>
        ))}
      </pre>
      {left > 0 && !isWhole ? (
        <button type="button" className="quiet" onClick={() => setWhole(true)}>
          Show {Math.min(left, LINES_MAX).toLocaleString()} more lines
        </button>
      ) : null}
      {left > 0 && isWhole ? <p className="dim">{left.toLocaleString()} more lines are in the session's file.</p> : null}
    </div>
  );
}
