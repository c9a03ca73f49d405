// Foreign text made fully visible before a decision: characters that hide, reorder or look like a blank are drawn as their code.
// Twin of cli/opta_cli/plain_text.py.

export interface Piece {
  text: string;
  // escape: the code of an invisible character; mark: a sign for a blank (line break, tab, spaces).
  kind: '' | 'escape' | 'mark';
  // The spaces that a mark is drawn for; a line break or a tab follows its mark as text.
  blanks?: string;
}

const SPACES_MIN = 32;
const HIDDEN = String.raw`(?![ \n\t])[\p{C}\p{Z}\p{Default_Ignorable_Code_Point}\u2800]`;
// More than two combining marks on one letter would cover the lines around it.
const STACKED = String.raw`(?<=\p{M}{2})\p{M}`;
const HIDDEN_PARTS = new RegExp(`${HIDDEN}|${STACKED}`, 'gu');
const PARTS = new RegExp(String.raw`(?<hidden>${HIDDEN}|${STACKED})|(?<end>\n)|(?<tab>\t)|(?<spaces> {${SPACES_MIN},}| +(?=\n|$))`, 'gu');

export function pieces(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  const plain = (part: string) => {
    if (part) found.push({ text: part, kind: '' });
  };
  for (const match of text.matchAll(PARTS)) {
    plain(text.slice(at, match.index));
    at = match.index + match[0].length;
    const { hidden, end, tab } = match.groups ?? {};
    if (hidden) found.push({ text: number(hidden), kind: 'escape' });
    else if (end) {
      found.push({ text: '↵', kind: 'mark' });
      plain('\n');
    } else if (tab) {
      found.push({ text: '→', kind: 'mark' });
      plain('\t');
    } else found.push({ text: match[0].length < SPACES_MIN ? '·'.repeat(match[0].length) : `·×${match[0].length}`, kind: 'mark', blanks: match[0] });
  }
  plain(text.slice(at));
  return found;
}

// The same, with blanks as they are: only characters that hide or reorder are drawn as their code.
export function revealed(text: string): Piece[] {
  const found: Piece[] = [];
  let at = 0;
  for (const match of text.matchAll(HIDDEN_PARTS)) {
    if (match.index > at) found.push({ text: text.slice(at, match.index), kind: '' });
    found.push({ text: number(match[0]), kind: 'escape' });
    at = match.index + match[0].length;
  }
  if (at < text.length) found.push({ text: text.slice(at), kind: '' });
  return found;
}

// The same text as one line, for labels.
export function line(text: string): string {
  return pieces(text)
    .map((piece) => (piece.text === '\n' ? '' : piece.text))
    .join('');
}

function number(character: string): string {
  const code = character.codePointAt(0) ?? 0;
  const digits = code.toString(16);
  if (code < 0x100) return `\\x${digits.padStart(2, '0')}`;
  return code < 0x10000 ? `\\u${digits.padStart(4, '0')}` : `\\U${digits.padStart(8, '0')}`;
}
