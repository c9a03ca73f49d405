// Names of files, in a sentence and in an order.

const NAMED_MAX = 20;

// Names for a sentence: the first ones, and how many more there are.
export function some(files: string[]): string {
  return files.slice(0, NAMED_MAX).join(', ') + (files.length > NAMED_MAX ? ` and ${files.length - NAMED_MAX} more files` : '');
}

// As Python sorts: by code points, not by UTF-16 units.
export function byCodePoint(one: string, other: string): number {
  const [left, right] = [[...one], [...other]];
  const at = left.findIndex((sign, index) => sign !== right[index]);
  if (at < 0) return left.length - right.length;
  return (left[at]?.codePointAt(0) ?? 0) - (right[at]?.codePointAt(0) ?? -1);
}
