import type { Token, Tokens } from 'marked';
import type { ReactNode } from 'react';
import styles from './markdown.module.css';
import { useWords } from './strings/strings';
import { decodeEntities } from './ui/entities';
import { Revealed } from './ui/exact';

const BREAK = /^<br\s*\/?>$/i;
const PROTOCOLS = ['https:', 'http:', 'mailto:'];

// What stands in a line of Markdown. `footnotes`: labels of those that are defined.
export function Inline({ tokens, footnotes }: { tokens: Token[] | undefined; footnotes: ReadonlySet<string> }): ReactNode {
  return (tokens ?? []).map((token, key) => {
    const inner = () => <Inline tokens={'tokens' in token ? token.tokens : undefined} footnotes={footnotes} />;
    switch (token.type) {
      case 'strong':
        return <strong key={key}>{inner()}</strong>;
      case 'em':
        return <em key={key}>{inner()}</em>;
      case 'del':
        return <del key={key}>{inner()}</del>;
      case 'codespan':
        return (
          <code key={key} dir="ltr">
            <Revealed text={(token as Tokens.Codespan).text} />
          </code>
        );
      case 'br':
        return <br key={key} />;
      case 'link':
        return (
          <Link key={key} href={(token as Tokens.Link).href} text={plain(token.tokens)}>
            {inner()}
          </Link>
        );
      case 'image':
        return <Image key={key} image={token as Tokens.Image} />;
      case 'footnoteReference':
        return footnotes.has(token.label) ? <Reference key={key} label={token.label} /> : token.raw;
      case 'text': {
        const text = token as Tokens.Text;
        return text.tokens ? <span key={key}>{inner()}</span> : decodeEntities(text.text);
      }
      case 'escape':
        return (token as Tokens.Escape).text;
      case 'html':
        return BREAK.test(token.raw) ? <br key={key} /> : token.raw;
      default:
        return token.raw;
    }
  });
}

// The text of tokens without their marks.
export function plain(tokens: Token[] | undefined): string {
  return (tokens ?? [])
    .map((token) => {
      if (token.type === 'codespan' || token.type === 'escape') return (token as Tokens.Escape).text;
      if ('tokens' in token && token.tokens) return plain(token.tokens);
      return decodeEntities('text' in token ? String(token.text) : token.raw);
    })
    .join('');
}

function Reference({ label }: { label: string }): ReactNode {
  const words = useWords('markdown');
  return (
    <sup title={words('footnote', { label })}>
      <span aria-hidden="true">{label}</span>
      <span className="sr-only">{words('footnote', { label })}</span>
    </sup>
  );
}

// A picture on the web is never fetched: it is a link to it.
function Image({ image }: { image: Tokens.Image }): ReactNode {
  const words = useWords('markdown');
  const text = words('image', { alt: decodeEntities(image.text) || words('noAlt') });
  return (
    <Link href={image.href} text={text}>
      {text}
    </Link>
  );
}

// A link shows its real target, and opens only web and mail addresses. `text`: what its words are.
function Link({ href, text, children }: { href: string; text: string; children: ReactNode }): ReactNode {
  const target = decodeEntities(href);
  const url = addressOf(target);
  // A file of the workspace, for example: where it leads is said, and it leads nowhere.
  if (!url)
    return (
      <span>
        <bdi>{children}</bdi>
        {text === target ? null : (
          <span className={styles.host}>
            {' ('}
            <Revealed text={target} />)
          </span>
        )}
      </span>
    );
  const shown = url.protocol === 'mailto:' ? url.pathname : url.host;
  // The host is repeated beside the text unless the text is plainly that address: `bank.example@evil.example` and look-alike letters are not.
  const isPlain = text === shown || (text === target && text.includes(`//${url.host}`) && !url.username && url.protocol !== 'mailto:');
  return (
    <a href={target} target="_blank" rel="noreferrer noopener" title={target}>
      <bdi>{children}</bdi>
      {isPlain ? null : <span className={styles.host}> ({shown})</span>}
    </a>
  );
}

function addressOf(href: string): URL | null {
  const url = URL.canParse(href) ? new URL(href) : null;
  return url && PROTOCOLS.includes(url.protocol) ? url : null;
}
