// The blocks of a growing Markdown text, parsed incrementally: only the last ones are parsed again.

import { Lexer, Marked, type Token, type TokenizerAndRendererExtension, type Tokens } from 'marked';

// Blocks at the end that may still change as text arrives.
const OPEN_BLOCKS = 2;

// Targets of `[text][name]` by name, as the lexer keeps them.
export type Links = Lexer['tokens']['links'];

export interface Blocks {
  committed: string[];
  open: string[];
  // The same object until a definition comes.
  links: Links;
  // Labels of the footnotes that are defined.
  footnotes: ReadonlySet<string>;
}

// Footnotes as GitHub has them: `[^label]`, and `[^label]: text` at the beginning of a line. They are no part of the GFM specification.
export interface Footnote extends Tokens.Generic {
  type: 'footnote';
  label: string;
  // Of a definition.
  tokens?: Token[];
}
const DEFINITION = /^\[\^([^\]\s]+)\]:[ \t]*([^\n]*(?:\n(?!\[\^)[ \t]*\S[^\n]*)*)(?:\n+|$)/;
const REFERENCE = /^\[\^([^\]\s]+)\](?!:)/;

const definition: TokenizerAndRendererExtension = {
  name: 'footnote',
  level: 'block',
  start: (source) => /(?:^|\n)\[\^[^\]\s]+\]:/.exec(source)?.index,
  tokenizer(source) {
    const found = DEFINITION.exec(source);
    if (!found) return undefined;
    const token = { type: 'footnote', raw: found[0], label: found[1] ?? '', tokens: [] as Token[] };
    this.lexer.inline((found[2] ?? '').trim(), token.tokens);
    return token;
  },
};
const reference: TokenizerAndRendererExtension = {
  name: 'footnoteReference',
  level: 'inline',
  start: (source) => source.indexOf('[^'),
  tokenizer(source) {
    const found = REFERENCE.exec(source);
    return found ? { type: 'footnoteReference', raw: found[0], label: found[1] ?? '' } : undefined;
  },
};
const grammar = new Marked({ gfm: true, extensions: [definition, reference] });

// Splits a growing text into the source texts of its blocks. Committed blocks do not change any more, so the next call parses only the rest.
export class BlockSplitter {
  private committed: string[] = [];
  private committedText = '';
  private committedLinks: Links = {};
  private committedNotes: string[] = [];
  private links: Links = {};
  private footnotes: ReadonlySet<string> = new Set();

  split(given: string): Blocks {
    const text = given.replace(/\r\n?/g, '\n');
    if (!text.startsWith(this.committedText)) {
      this.committed = [];
      this.committedText = '';
      this.committedLinks = {};
      this.committedNotes = [];
    }
    const { tokens, links } = blocksOf(text.slice(this.committedText.length));
    const raws = tokens.map((token) => token.raw);
    const settled = raws.slice(0, settledOf(tokens));
    // The first definition of a name counts.
    this.keep({ ...links, ...this.committedLinks }, [...this.committedNotes, ...labels(tokens)]);
    if (settled.length) {
      this.committed = [...this.committed, ...settled];
      this.committedText += settled.join('');
      this.committedLinks = { ...blocksOf(settled.join('')).links, ...this.committedLinks };
      this.committedNotes = [...this.committedNotes, ...labels(tokens.slice(0, settled.length))];
    }
    return { committed: this.committed, open: raws.slice(settled.length), links: this.links, footnotes: this.footnotes };
  }

  private keep(links: Links, footnotes: string[]): void {
    if (JSON.stringify(links) !== JSON.stringify(this.links)) this.links = links;
    if (footnotes.length !== this.footnotes.size || footnotes.some((label) => !this.footnotes.has(label))) this.footnotes = new Set(footnotes);
  }
}

// How many blocks at the beginning no further text can change: those before a place where nothing merges with what comes, and some blocks
// more. A line without a blank one before it may turn out to belong to the paragraph above.
function settledOf(tokens: Token[]): number {
  let open = OPEN_BLOCKS;
  for (let at = tokens.length - 1; at > 0; at -= 1) {
    if (tokens[at]?.type !== 'space') open -= 1;
    if (open <= 0 && isEnd(tokens[at - 1])) return at;
  }
  return 0;
}

function isEnd(token: Token | undefined): boolean {
  if (!token) return false;
  return token.type === 'space' || token.raw.endsWith('\n\n') || (token.type === 'heading' && token.raw.startsWith('#'));
}

function labels(tokens: Token[]): string[] {
  return [...new Set(tokens.filter((token) => token.type === 'footnote').map((token) => (token as Footnote).label))];
}

function blocksOf(text: string): { tokens: Token[]; links: Links } {
  if (!isTame(text)) return { tokens: text.split(/(?<=\n\n)/).flatMap(piecesOf).map((raw) => ({ type: 'wild', raw })), links: {} };
  const lexer = new Lexer({ ...grammar.defaults });
  lexer.blockTokens(text, lexer.tokens);
  return { tokens: [...lexer.tokens], links: lexer.tokens.links };
}

// The tokens of some whole blocks, with what they say in a line, and links to the targets that other blocks define.
export function tokensOf(raw: string, links: Links): Token[] {
  const lexer = new Lexer({ ...grammar.defaults });
  lexer.tokens.links = { ...links };
  return lexer.lex(raw);
}

// A browser lays out a whole paragraph again for each word that arrives. In pieces, only the last one is laid out, and a mebibyte in one
// line does not hold the page for seconds. The first pieces of a text stay the same as it grows.
const PIECE_CHARS = 16_384;

function piecesOf(text: string): string[] {
  const found: string[] = [];
  let at = 0;
  while (text.length - at > PIECE_CHARS) {
    const space = text.lastIndexOf(' ', at + PIECE_CHARS - 1);
    let end = space > at ? space + 1 : at + PIECE_CHARS;
    // The two halves of a character stay together.
    if (/[\udc00-\udfff]/.test(text.charAt(end))) end += 1;
    found.push(text.slice(at, end));
    at = end;
  }
  return [...found, text.slice(at)];
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
