import { Component, createRef, type ReactNode } from 'react';

interface Props {
  as?: 'div' | 'p';
  className?: string;
  dir?: 'auto';
  children: ReactNode;
}

// Where a selection begins and ends, in characters from the beginning of the text.
interface Spot {
  from: number;
  to: number;
}

// Text that grows while a person may have selected some of it. A browser forgets what is selected in a text that is replaced, so it is
// selected again after each drawing: text is appended, and what stands before keeps its distance from the beginning.
export class KeptSelection extends Component<Props> {
  private readonly part = createRef<HTMLDivElement & HTMLParagraphElement>();

  override getSnapshotBeforeUpdate(): Spot | null {
    const selection = document.getSelection();
    const part = this.part.current;
    const { anchorNode, focusNode } = selection ?? {};
    if (!part || !selection || selection.isCollapsed || !anchorNode || !focusNode) return null;
    if (!part.contains(anchorNode) || !part.contains(focusNode)) return null;
    return { from: distance(part, anchorNode, selection.anchorOffset), to: distance(part, focusNode, selection.focusOffset) };
  }

  override componentDidUpdate(_before: Props, _state: unknown, spot: Spot | null): void {
    const selection = document.getSelection();
    const part = this.part.current;
    if (!spot || !part || !selection) return;
    const { anchorNode, focusNode } = selection;
    const isKept = anchorNode && focusNode && part.contains(anchorNode) && part.contains(focusNode) && distance(part, anchorNode, selection.anchorOffset) === spot.from && distance(part, focusNode, selection.focusOffset) === spot.to;
    const [from, to] = isKept ? [null, null] : [pointAt(part, spot.from), pointAt(part, spot.to)];
    if (from && to) selection.setBaseAndExtent(from.node, from.offset, to.node, to.offset);
  }

  override render(): ReactNode {
    const { as: Tag = 'div', children, ...rest } = this.props;
    return (
      <Tag ref={this.part} {...rest}>
        {children}
      </Tag>
    );
  }
}

function distance(part: Element, node: Node, offset: number): number {
  const range = document.createRange();
  range.selectNodeContents(part);
  range.setEnd(node, offset);
  return range.toString().length;
}

function pointAt(part: Element, characters: number): { node: Text; offset: number } | null {
  const texts = document.createTreeWalker(part, NodeFilter.SHOW_TEXT);
  let left = characters;
  let last: Text | null = null;
  for (let node = texts.nextNode() as Text | null; node; node = texts.nextNode() as Text | null) {
    if (left <= node.length) return { node, offset: left };
    left -= node.length;
    last = node;
  }
  return last ? { node: last, offset: last.length } : null;
}
