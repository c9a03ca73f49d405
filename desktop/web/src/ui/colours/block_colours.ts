// The colours of one block of code as they come from the worker. Until then, and where there are none, a line is its text.

import type { ColourReply, ColourRequest } from './line_colours';
import { grammarName, type Token } from './grammars';

// Lines behind these are not coloured.
export const COLOURED_MAX = 2_000;

type Ask = (request: ColourRequest) => void;

const blocks = new Map<number, BlockColours>();
let lastBlock = 0;
let worker: Promise<Ask> | undefined;

export class BlockColours {
  private readonly id = (lastBlock += 1);
  private readonly known: { line: string; tokens: Token[] }[] = [];
  private sent: string[] = [];
  private wanted: readonly string[] | null = null;
  private isAsked = false;

  constructor(
    private readonly language: string,
    private readonly onColours: () => void,
  ) {
    blocks.set(this.id, this);
  }

  // Ask for the colours of these lines. One question is open at a time; what comes meanwhile is asked when it is answered.
  want(lines: readonly string[]): void {
    this.wanted = lines;
    if (this.isAsked) return;
    const from = sameUntil(this.sent, lines);
    const count = Math.min(lines.length, COLOURED_MAX);
    if (from >= count) return;
    this.isAsked = true;
    this.sent = lines.slice(0, count);
    void ask({ block: this.id, language: this.language, from, lines: this.sent.slice(from) });
  }

  take({ from, tokens }: ColourReply): void {
    this.isAsked = false;
    this.known.length = Math.min(this.known.length, from);
    for (const [at, each] of tokens.entries()) this.known.push({ line: this.sent[from + at] ?? '', tokens: each });
    this.onColours();
    if (this.wanted) this.want(this.wanted);
  }

  // The tokens of a line, if they are known: of a line that grows, those of its beginning and the rest.
  tokens(at: number, line: string): Token[] | null {
    const known = this.known[at];
    if (!known || !line.startsWith(known.line) || (known.line === '' && line !== '')) return null;
    return known.line === line ? known.tokens : [...known.tokens, { text: line.slice(known.line.length), tone: '' }];
  }

  close(): void {
    blocks.delete(this.id);
    if (this.sent.length) void ask({ block: this.id, language: this.language, from: 0, lines: null });
  }
}

// The colours of a block in a language; null when it has none.
export function coloursOf(language: string, onColours: () => void): BlockColours | null {
  const name = grammarName(language);
  return name ? new BlockColours(name, onColours) : null;
}

function sameUntil(one: readonly string[], other: readonly string[]): number {
  let at = 0;
  while (at < one.length && at < other.length && one[at] === other[at]) at += 1;
  return at;
}

async function ask(request: ColourRequest): Promise<void> {
  worker ??= started();
  (await worker)(request);
}

async function started(): Promise<Ask> {
  const take = (reply: ColourReply) => blocks.get(reply.block)?.take(reply);
  if (typeof Worker === 'undefined') {
    // Outside a browser, in the same thread.
    const { colour } = await import('./line_colours');
    return (request) => void colour(request).then(take);
  }
  const made = new Worker(new URL('./colour_worker.ts', import.meta.url), { type: 'module' });
  made.onmessage = ({ data }: MessageEvent<ColourReply>) => take(data);
  return (request) => made.postMessage(request);
}
