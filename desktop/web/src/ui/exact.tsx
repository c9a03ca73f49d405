import type { ReactNode } from 'react';
import { pieces } from '../visible';

// Foreign text with nothing of it hidden: breaks, blanks at ends and invisible characters are drawn.
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
