import type { ReactNode } from 'react';
import { pieces } from '../visible';

// Foreign text with nothing hidden: line breaks, trailing blanks and invisible characters are drawn.
export function Exact({ text }: { text: string }): ReactNode {
  return pieces(text).map((piece, at) =>
    piece.kind ? (
      <span key={at} className={piece.kind}>
        {piece.text}
      </span>
    ) : (
      piece.text
    ),
  );
}
