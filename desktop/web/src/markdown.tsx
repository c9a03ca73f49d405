// Draws Markdown as React elements, incrementally: only the last blocks of a growing text are drawn again.
// No HTML passes through: raw HTML is shown as text, images are shown as links and never fetched.

import type { Token, Tokens } from 'marked';
import { memo, type ReactNode, useRef } from 'react';
import styles from './markdown.module.css';
import { BlockSplitter, type Footnote, isTame, type Links, tokensOf } from './markdown_blocks';
import { Inline, plain } from './markdown_inline';
import { useWords } from './strings/strings';
import { CodeBlock } from './ui/code_block';
import { decodeEntities } from './ui/entities';
import { KeptSelection } from './ui/kept_selection';

const CHUNK = 32;

export function Markdown({ text }: { text: string }): ReactNode {
  const splitter = useRef<BlockSplitter>(null);
  splitter.current ??= new BlockSplitter();
  const { committed, open, links, footnotes } = splitter.current.split(text);
  const chunks: string[] = [];
  for (let at = 0; at < committed.length; at += CHUNK) chunks.push(committed.slice(at, at + CHUNK).join(''));
  return (
    <KeptSelection className={`markdown ${styles.markdown}`}>
      {chunks.map((chunk, at) => (
        <Blocks key={`c${at}`} raw={chunk} links={links} footnotes={footnotes} />
      ))}
      {open.map((raw, at) => (
        <Blocks key={`o${committed.length + at}`} raw={raw} links={links} footnotes={footnotes} />
      ))}
    </KeptSelection>
  );
}

interface BlocksProps {
  raw: string;
  links: Links;
  footnotes: ReadonlySet<string>;
}

const Blocks = memo(function Blocks({ raw, links, footnotes }: BlocksProps): ReactNode {
  if (!isTame(raw)) return <p className={styles.plain}>{raw}</p>;
  return tokensOf(raw, links).map((token, at) => <Block key={at} token={token} footnotes={footnotes} />);
});

function Block({ token, footnotes }: { token: Token; footnotes: ReadonlySet<string> }): ReactNode {
  const inline = (tokens: Token[] | undefined) => <Inline tokens={tokens} footnotes={footnotes} />;
  const blocks = (tokens: Token[] | undefined) => (tokens ?? []).map((inner, at) => <Block key={at} token={inner} footnotes={footnotes} />);
  switch (token.type) {
    case 'heading': {
      // A turn has a heading of the second level.
      const Tag = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as 'h3';
      return <Tag dir="auto">{inline(token.tokens)}</Tag>;
    }
    case 'paragraph':
      return <p dir="auto">{inline(token.tokens)}</p>;
    case 'text':
      return <span>{token.tokens ? inline(token.tokens) : decodeEntities(token.raw)}</span>;
    case 'checkbox':
      return <Checkbox isChecked={(token as Tokens.Checkbox).checked} />;
    case 'code': {
      const code = token as Tokens.Code;
      return <CodeBlock text={code.text} language={languageOf(code.lang)} />;
    }
    case 'blockquote':
      return <blockquote dir="auto">{blocks(token.tokens)}</blockquote>;
    case 'list': {
      const list = token as Tokens.List;
      const items = list.items.map((item, at) => (
        <li key={at} dir="auto" className={item.task ? styles.task : undefined}>
          {blocks(item.tokens)}
        </li>
      ));
      return list.ordered ? <ol start={typeof list.start === 'number' ? list.start : 1}>{items}</ol> : <ul>{items}</ul>;
    }
    case 'table':
      if (cellsOf(token as Tokens.Table) > CELLS_MAX) return <CodeBlock text={token.raw} language="" />;
      return <Table table={token as Tokens.Table} footnotes={footnotes} />;
    case 'hr':
      return <hr />;
    case 'footnote':
      return (
        <p className={styles.footnote} dir="auto">
          <sup>{(token as Footnote).label}</sup> {inline(token.tokens)}
        </p>
      );
    case 'space':
    case 'def':
      return null;
    default:
      return <p className={styles.plain}>{token.raw}</p>;
  }
}

function Checkbox({ isChecked }: { isChecked: boolean }): ReactNode {
  const words = useWords('markdown');
  return <input type="checkbox" checked={isChecked} readOnly disabled aria-label={words(isChecked ? 'done' : 'open')} />;
}

// A browser lays out a table of so many cells in an instant. A larger one would hold the whole page for seconds.
const CELLS_MAX = 4_000;

function cellsOf(table: Tokens.Table): number {
  return table.header.length * (table.rows.length + 1);
}

function Table({ table, footnotes }: { table: Tokens.Table; footnotes: ReadonlySet<string> }): ReactNode {
  const words = useWords('markdown');
  const cell = (each: Tokens.TableCell) => ({ 'data-align': each.align ?? undefined, dir: 'auto', children: <Inline tokens={each.tokens} footnotes={footnotes} /> });
  return (
    <div className={styles.table} role="group" aria-label={table.header.map((each) => plain(each.tokens)).join(', ') || words('table')} tabIndex={0}>
      <table>
        <thead>
          <tr>
            {table.header.map((each, at) => (
              <th key={at} scope="col" {...cell(each)} />
            ))}
          </tr>
        </thead>
        <tbody>
          {table.rows.map((row, at) => (
            <tr key={at}>
              {row.map((each, index) => (
                <td key={index} {...cell(each)} />
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}

// The first word behind the fence; what follows is for other programs.
function languageOf(info: string | undefined): string {
  return decodeEntities(info ?? '').split(/[\s,{]/, 1)[0] ?? '';
}
