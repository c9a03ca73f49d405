// Marks found words in what is drawn, without changing it: the CSS Custom Highlight API.

const ALL = 'found';
const CURRENT = 'found-current';

// Ranges of the words in an element, in order. A word may go through several text nodes, as in highlighted code.
export function rangesOf(element: Element, pattern: RegExp): Range[] {
  const nodes: { node: Text; from: number }[] = [];
  let text = '';
  const walker = document.createTreeWalker(element, NodeFilter.SHOW_TEXT);
  for (let node = walker.nextNode() as Text | null; node; node = walker.nextNode() as Text | null) {
    nodes.push({ node, from: text.length });
    text += node.data;
  }
  return [...text.matchAll(pattern)].map((match) => {
    const range = document.createRange();
    const [start, end] = [pointAt(nodes, match.index), pointAt(nodes, match.index + match[0].length - 1)];
    range.setStart(start.node, start.offset);
    range.setEnd(end.node, end.offset + 1);
    return range;
  });
}

function pointAt(nodes: { node: Text; from: number }[], at: number): { node: Text; offset: number } {
  let [low, high] = [0, nodes.length - 1];
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((nodes[middle]?.from ?? 0) <= at) low = middle;
    else high = middle - 1;
  }
  const found = nodes[low] as { node: Text; from: number };
  return { node: found.node, offset: at - found.from };
}

export function markWords(all: Range[], current: Range | undefined): void {
  if (!('highlights' in CSS)) return;
  CSS.highlights.set(ALL, new Highlight(...all));
  CSS.highlights.set(CURRENT, current ? new Highlight(current) : new Highlight());
}

export function unmarkWords(): void {
  if (!('highlights' in CSS)) return;
  CSS.highlights.delete(ALL);
  CSS.highlights.delete(CURRENT);
}
