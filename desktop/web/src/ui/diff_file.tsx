import { memo, type ReactNode, useMemo, useRef, useState } from 'react';
import { perform } from '../actions/action';
import { type DiffView, showDiffs } from '../actions/view';
import { usePage, usePageState } from '../hooks';
import { useWords } from '../strings/strings';
import { CopyButton } from './copy_button';
import styles from './diff_file.module.css';
import type { DiffLine } from './diff_lines';
import { type DiffRow, diffRows, type SplitRow, splitRows } from './diff_rows';
import { Exact } from './exact';
import { Button } from './kit/button';
import { useWidth } from './width';

// From this width on there is space for two columns.
const SPLIT_PX_MIN = 1_000;
// Longer diffs are folded to so many rows.
const FOLDED_ROWS = 40;
const CHUNK = 50;

// The change of one file, to be read: with line numbers, marks on the words that changed, unchanged parts folded, in one column or two.
export const FileDiff = memo(function FileDiff({ text, name }: { text: string; name: string }): ReactNode {
  const page = usePage();
  const words = useWords('diff');
  const view = usePageState((state) => (state.choices.diff ?? 'auto') as DiffView);
  const frame = useRef<HTMLDivElement>(null);
  const width = useWidth(frame);
  const isSplit = view === 'split' || (view === 'auto' && width >= SPLIT_PX_MIN);
  const [isWhole, setWhole] = useState(false);
  const rows = useMemo(() => diffRows(text), [text]);
  const all = useMemo(() => (isSplit ? splitRows(rows) : rows), [rows, isSplit]);
  const shown = isWhole ? all : all.slice(0, FOLDED_ROWS);
  const chunks: (DiffRow | SplitRow)[][] = [];
  for (let at = 0; at < shown.length; at += CHUNK) chunks.push(shown.slice(at, at + CHUNK));
  return (
    <div ref={frame} className={styles.frame}>
      <p className={styles.bar}>
        <Button look="quiet" size="small" aria-pressed={isSplit} onClick={() => void perform(page, showDiffs, isSplit ? 'unified' : 'split')}>
          {words('split')}
        </Button>
        <CopyButton what={words('copyOf', { name })} text={() => text} className={styles.copy} />
      </p>
      <div className={isSplit ? styles.split : styles.unified} role="group" aria-label={words('changesOf', { name })} tabIndex={0}>
        {chunks.map((chunk, at) => (
          <Rows key={at} rows={chunk} />
        ))}
      </div>
      {all.length > FOLDED_ROWS ? (
        <Button look="quiet" size="small" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? words('fold') : words('showAll', { count: all.length })}
        </Button>
      ) : null}
    </div>
  );
});

const Rows = memo(
  function Rows({ rows }: { rows: readonly (DiffRow | SplitRow)[] }): ReactNode {
    return rows.map((row, at) => <Row key={at} row={row} />);
  },
  (before, now) => before.rows.length === now.rows.length && before.rows.every((row, at) => row === now.rows[at]),
);

function Row({ row }: { row: DiffRow | SplitRow }): ReactNode {
  const words = useWords('diff');
  switch (row.kind) {
    case 'line':
      return <Line line={row.line} />;
    case 'pair':
      return (
        <div className={styles.pair}>
          {row.old ? <Line line={row.old} at={row.old.old} /> : <span className={styles.none} />}
          {row.now ? <Line line={row.now} at={row.now.now} /> : <span className={styles.none} />}
        </div>
      );
    case 'gap':
      return (
        <span className={styles.gap}>
          {words('gap', { count: row.count })} <Exact text={row.about} />
        </span>
      );
    case 'note':
      return (
        <span className={styles.gap}>
          <Exact text={row.text} />
        </span>
      );
    case 'fold':
      return <Folded lines={row.lines} />;
  }
}

function Folded({ lines }: { lines: DiffLine[] }): ReactNode {
  const words = useWords('diff');
  const [isOpen, setOpen] = useState(false);
  if (isOpen) return lines.map((line) => <Line key={line.now} line={line} />);
  return (
    <Button look="quiet" size="small" className={styles.fold} onClick={() => setOpen(true)}>
      {words('unfold', { count: lines.length })}
    </Button>
  );
}

const SIGNS: Record<DiffLine['kind'], string> = { head: ' ', same: ' ', add: '+', del: '−' };

function Line({ line, at = line.at }: { line: DiffLine; at?: number }): ReactNode {
  return (
    <span className={styles.line} data-kind={line.kind} data-at={at || undefined}>
      <span className={styles.sign}>{SIGNS[line.kind]}</span>
      <code className="exact">
        {line.parts
          ? line.parts.map((part, index) => (part.isChanged ? <mark key={index}>{part.text}</mark> : part.text))
          : line.text.length > 1
            ? <Exact text={line.text.slice(1)} />
            : ' '}
      </code>
    </span>
  );
}
