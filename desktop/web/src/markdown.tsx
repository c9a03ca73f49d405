// Draws Markdown as React elements, incrementally: only the last blocks of a growing text are parsed again.
// No HTML passes through: raw HTML is shown as text, images are shown as links and never fetched.

import { marked, type Token, type Tokens } from 'marked';
import { memo, type ReactNode, useRef } from 'react';
import { CodeBlock } from './ui/code_block';
import { decodeEntities } from './ui/entities';

// Blocks at the end that may still change as text arrives.
const OPEN_BLOCKS = 2;
const CHUNK = 32;

export interface Blocks {
  committed: string[];
  open: string[];
}

// Splits a growing text into the source texts of its blocks. Committed blocks do not change any more, so the next call parses only the rest.
export class BlockSplitter {
  private committed: string[] = [];
  private committedText = '';

  split(text: string): Blocks {
    if (!text.startsWith(this.committedText)) {
      this.committed = [];
      this.committedText = '';
    }
    const raws = lexBlocks(text.slice(this.committedText.length));
    const settled = raws.slice(0, Math.max(0, raws.length - OPEN_BLOCKS));
    if (settled.length) {
      this.committed = [...this.committed, ...settled];
      this.committedText += settled.join('');
    }
    return { committed: this.committed, open: raws.slice(settled.length) };
  }
}

function lexBlocks(text: string): string[] {
  return isTame(text) ? marked.lexer(text).map((token) => token.raw) : text.split(/(?<=\n\n)/);
}

// Beyond these limits the lexer overflows its stack or takes seconds: very long lines, quotes and lists nested too deeply in
// one line or by indentation, long runs of emphasis marks. Such text is shown unformatted.
const LINE_CHARS_MAX = 65_536;
const WILD = [
  /^(?:[ \t]*(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])){33}/m,
  /^[ \t]{100,}(?:>|[-*+][ \t]|\d{1,9}[.)][ \t])/m,
  /([*_])\1{255}/,
];

export function isTame(text: string): boolean {
  return !WILD.some((pattern) => pattern.test(text)) && (text.length <= LINE_CHARS_MAX || text.split('\n').every((line) => line.length <= LINE_CHARS_MAX));
}

export function Markdown({ text }: { text: string }): ReactNode {
  const splitter = useRef<BlockSplitter>(null);
  splitter.current ??= new BlockSplitter();
  const { committed, open } = splitter.current.split(text);
  const chunks: string[] = [];
  for (let at = 0; at < committed.length; at += CHUNK) chunks.push(committed.slice(at, at + CHUNK).join(''));
  return (
    <div className="markdown">
      {chunks.map((chunk, at) => (
        <Block key={`c${at}`} raw={chunk} />
      ))}
      {open.map((raw, at) => (
        <Block key={`o${committed.length + at}`} raw={raw} />
      ))}
    </div>
  );
}

const Block = memo(function Block({ raw }: { raw: string }): ReactNode {
  if (!isTame(raw)) return <p className="plain">{raw}</p>;
  return <>{marked.lexer(raw).map((token, at) => block(token, at))}</>;
});

function block(token: Token, key: number): ReactNode {
  switch (token.type) {
    case 'heading': {
      const Tag = `h${Math.min(6, (token as Tokens.Heading).depth + 2)}` as 'h3';
      return (
        <Tag key={key} dir="auto">
          {inline(token.tokens)}
        </Tag>
      );
    }
    case 'paragraph':
      return (
        <p key={key} dir="auto">
          {inline(token.tokens)}
        </p>
      );
    case 'text':
      return <span key={key}>{token.tokens ? inline(token.tokens) : decodeEntities(token.raw)}</span>;
    case 'checkbox':
      return <input key={key} type="checkbox" checked={(token as Tokens.Checkbox).checked} readOnly disabled aria-label={(token as Tokens.Checkbox).checked ? 'done' : 'to do'} />;
    case 'code': {
      const code = token as Tokens.Code;
      return <CodeBlock key={key} text={code.text} language={code.lang ?? ''} />;
    }
    case 'blockquote':
      return <blockquote key={key}>{(token.tokens ?? []).map((inner, at) => block(inner, at))}</blockquote>;
    case 'list': {
      const list = token as Tokens.List;
      const items = list.items.map((item, at) => (
        <li key={at} dir="auto" className={item.task ? 'task' : undefined}>
          {item.tokens.map((inner, index) => block(inner, index))}
        </li>
      ));
      return list.ordered ? (
        <ol key={key} start={list.start || 1}>
          {items}
        </ol>
      ) : (
        <ul key={key}>{items}</ul>
      );
    }
    case 'table': {
      const table = token as Tokens.Table;
      return (
        <table key={key}>
          <thead>
            <tr>
              {table.header.map((cell, at) => (
                <th key={at} className={alignment(cell)} dir="auto">
                  {inline(cell.tokens)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {table.rows.map((row, at) => (
              <tr key={at}>
                {row.map((cell, index) => (
                  <td key={index} className={alignment(cell)} dir="auto">
                    {inline(cell.tokens)}
                  </td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      );
    }
    case 'hr':
      return <hr key={key} />;
    case 'space':
    case 'def':
      return null;
    default:
      return <p key={key}>{token.raw}</p>;
  }
}

function alignment(cell: Tokens.TableCell): string | undefined {
  return cell.align ? `align-${cell.align}` : undefined;
}

function inline(tokens: Token[] | undefined): ReactNode[] {
  return (tokens ?? []).map((token, key) => {
    switch (token.type) {
      case 'strong':
        return <strong key={key}>{inline(token.tokens)}</strong>;
      case 'em':
        return <em key={key}>{inline(token.tokens)}</em>;
      case 'del':
        return <del key={key}>{inline(token.tokens)}</del>;
      case 'codespan':
        return <code key={key}>{(token as Tokens.Codespan).text}</code>;
      case 'br':
        return <br key={key} />;
      case 'link':
      case 'image':
        return <Link key={key} href={(token as Tokens.Link).href} text={(token as Tokens.Link).text} />;
      case 'text': {
        const text = token as Tokens.Text;
        return text.tokens ? <span key={key}>{inline(text.tokens)}</span> : decodeEntities(text.text);
      }
      case 'escape':
        return (token as Tokens.Escape).text;
      default:
        return token.raw;
    }
  });
}

// A link shows its real target, and opens only web addresses.
function Link({ href, text }: { href: string; text: string }): ReactNode {
  let url: URL;
  try {
    url = new URL(href);
  } catch {
    return <span>{text}</span>;
  }
  if (url.protocol !== 'https:' && url.protocol !== 'http:') return <span>{text}</span>;
  // The host is repeated beside the text unless the text is plainly that address: `bank.example@evil.example` and look-alike letters are not.
  const isPlain = text === url.host || (text === href && text.includes(`//${url.host}`) && !url.username);
  return (
    <a href={href} target="_blank" rel="noreferrer noopener">
      <bdi>{text}</bdi>
      {isPlain ? null : <span className="host"> ({url.host})</span>}
    </a>
  );
}
