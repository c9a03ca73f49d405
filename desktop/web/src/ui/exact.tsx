import type { ReactNode } from 'react';
import { type Piece, pieces, revealed } from '../visible';

// Foreign text with nothing hidden: line breaks, trailing blanks and invisible characters are drawn. Copied, it has its blanks and not their signs.
export function Exact({ text }: { text: string }): ReactNode {
  return drawn(pieces(text));
}

// Text whose blanks are ordinary: only characters that hide or reorder are drawn as their code.
export function Revealed({ text }: { text: string }): ReactNode {
  return drawn(revealed(text));
}

function drawn(parts: Piece[]): ReactNode {
  return parts.map((piece, at) => {
    if (!piece.kind) return piece.text;
    const sign = (
      <span key={at} className={piece.kind}>
        {piece.text}
      </span>
    );
    if (!piece.blanks) return sign;
    return [
      sign,
      <span key={`${at} blanks`} className="blanks">
        {piece.blanks}
      </span>,
    ];
  });
}
