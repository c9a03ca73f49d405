// What is being completed at the caret: a command at the beginning of the message, or a path behind an @.

export interface WordAt {
  kind: 'command' | 'file';
  // Characters of the message that a completion replaces.
  from: number;
  to: number;
  query: string;
}

// A longer word is no name and no path that anybody types.
const CHARS_MAX = 400;
// As the daemon finds a reference: not behind a letter, as in an e-mail address, and to the end of a quote.
const REFERENCE = /(?:^|[^A-Za-z0-9_@/.\\+-])@(?:"(?<double>[^"\n]*)|'(?<single>[^'\n]*)|(?<bare>(?:\\ |[^\s"'`<>|*@])*))$/;
// What needs no quotes: nothing that the daemon reads as the end of a sentence, as lines, or as code.
const PLAIN = /^[\p{L}\p{N}_./+-]*[\p{L}\p{N}_/+-]$/u;

export function wordAt(text: string, caret: number): WordAt | null {
  if (text.startsWith('/') && caret > 0 && caret <= CHARS_MAX) {
    const written = text.slice(0, caret);
    if (/^\/[\w-]*$/.test(written)) {
      const rest = /^[\w-]*/.exec(text.slice(caret, caret + CHARS_MAX))?.[0] ?? '';
      // `/tmp/…` is a path.
      return text[caret + rest.length] === '/' ? null : { kind: 'command', from: 0, to: caret + rest.length, query: written.slice(1) };
    }
  }
  const start = Math.max(0, caret - CHARS_MAX);
  const line = text.slice(start, caret).split('\n').at(-1) ?? '';
  const found = REFERENCE.exec(line)?.groups;
  if (!found || (line.match(/`/g)?.length ?? 0) % 2) return null;
  const query = found.double ?? found.single ?? found.bare?.replaceAll('\\ ', ' ') ?? '';
  const written = line.length - line.lastIndexOf('@');
  return { kind: 'file', from: caret - written, to: caret, query };
}

// A path as the daemon reads it behind an @; '' for one that it cannot read.
export function reference(path: string, isFolder: boolean): string {
  const whole = isFolder ? `${path}/` : path;
  if (PLAIN.test(whole)) return `@${whole}`;
  if (whole.includes('\n')) return '';
  return whole.includes('"') ? (whole.includes("'") ? '' : `@'${whole}'`) : `@"${whole}"`;
}
