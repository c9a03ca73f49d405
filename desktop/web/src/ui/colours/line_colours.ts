// The colours of blocks of code that grow: a line is coloured once, and again only when a line before it has changed.

import { type Grammar, grammarOf, type LineState, type Token } from './grammars';

// The lines of a block from line `from` on; those before stay. Without lines, the block is gone.
export interface ColourRequest {
  block: number;
  language: string;
  from: number;
  lines: string[] | null;
}

// The tokens of the same lines. Empty where the language has no grammar.
export interface ColourReply {
  block: number;
  from: number;
  tokens: Token[][];
}

// The state behind each coloured line, by block.
const blocks = new Map<number, LineState[]>();

export async function colour({ block, language, from, lines }: ColourRequest): Promise<ColourReply> {
  const grammar = lines ? await grammarOf(language) : null;
  if (!lines || !grammar) {
    blocks.delete(block);
    return { block, from, tokens: [] };
  }
  const states = blocks.get(block) ?? [];
  blocks.set(block, states);
  // What a line means depends on all lines before it.
  states.length = from;
  try {
    return { block, from, tokens: lines.map((line) => next(grammar, states, line)) };
  } catch {
    // A pattern that the engine cannot run: the block stays without colours, and the others have theirs.
    blocks.delete(block);
    return { block, from, tokens: [] };
  }
}

function next(grammar: Grammar, states: LineState[], line: string): Token[] {
  const { tokens, after } = grammar.colour(line, states[states.length - 1]);
  states.push(after);
  return tokens;
}
