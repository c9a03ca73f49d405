// The output of a command as lines of coloured pieces: what a terminal would show of it, without moving a cursor.

import Anser from 'anser';

export interface TextPiece {
  text: string;
  // Class names: the 16 colours, and the decorations. Other colours are not drawn: they are chosen for one background only.
  tone: string;
}

export interface OutputLine {
  pieces: TextPiece[];
}

// The 16 colours of ANSI; a colour of the 256-colour palette or of RGB is text without a colour.
const COLOUR = /^ansi-(bright-)?(black|red|green|yellow|blue|magenta|cyan|white)$/;
const DECORATIONS: Record<string, string> = { bold: 'ansi-bold', dim: 'ansi-dim', italic: 'ansi-italic', underline: 'ansi-underline', strikethrough: 'ansi-strike' };
// CSI other than colours, OSC (titles, links), and single-character escapes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OTHER = /\u001b\[(?![\d;:]*m)[\d;?<>=!:]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[()#][0-9A-Z]?|\u001b\[[\d;:?]*$|\u001b[^[\]()#]|[\u0000-\u0007\u000b\u000c\u000e-\u001a\u007f]/gm;

// Each line of an output. A carriage return begins its line anew, as progress bars do; a backspace takes a character back.
export function outputLines(text: string): OutputLine[] {
  const plain = text.replaceAll('\r\n', '\n').replace(OTHER, '');
  const lines = plain.split('\n').map(lastWritten);
  const found: OutputLine[] = [];
  // A colour lasts until it is changed, over the ends of lines.
  let kept = '';
  for (const line of lines) {
    const pieces: TextPiece[] = [];
    for (const part of Anser.ansiToJson(kept + line, { use_classes: true, remove_empty: true })) pieces.push({ text: part.content, tone: tone(part) });
    found.push({ pieces });
    kept = lasting(kept + line);
  }
  return found;
}

// What a terminal shows of a line with carriage returns and backspaces.
function lastWritten(line: string): string {
  const parts = line.split('\r').filter((part, at, all) => part !== '' || at < all.length - 1);
  let text = parts[parts.length - 1] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a backspace
  while (/[^\b]\u0008/.test(text)) text = text.replace(/[^\b]\u0008/, '');
  return text.replaceAll('\b', '');
}

function tone(part: { fg: string | null; bg: string | null; decorations: string[]; isInverted?: boolean }): string {
  const colours = [part.fg && COLOUR.test(part.fg) ? part.fg : '', part.bg && COLOUR.test(part.bg) ? part.bg.replace('ansi-', 'ansi-bg-') : ''];
  return [...colours, ...part.decorations.map((name) => DECORATIONS[name] ?? ''), part.isInverted ? 'ansi-inverted' : ''].filter(Boolean).join(' ');
}

// The colour codes that are still in force behind a text.
function lasting(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
  const codes = text.match(/\u001b\[[\d;:]*m/g) ?? [];
  const reset = codes.findLastIndex((code) => /^.\[0*m$/.test(code));
  return codes.slice(reset + 1).join('');
}

export function plainText(line: OutputLine): string {
  return line.pieces.map((piece) => piece.text).join('');
}

// Words with which a line says what went wrong.
const SAYS_WHY = /\b(?:[A-Z]\w*(?:Error|Exception)|error|fatal|failed|failure|panic(?:ked)?|exception|cannot|can't|not found|no such|denied|undefined|unexpected|assert\w*)\b/i;
// The first line of a failed command's result: how it ended.
const ENDING = /^Error: (?:exit code \d+|killed by signal \d+|timed out after [\d.]+ s|killed, because .+)$/;

// What a failed call says first: how it ended, and the line that says why. The last such line of a traceback, the first one elsewhere.
export function failureLine(content: string): string {
  const lines = outputLines(content).map(plainText);
  const first = lines[0] ?? '';
  if (!ENDING.test(first)) return first;
  const rest = lines.slice(1).filter((line) => line.trim() !== '');
  const reasons = rest.filter((line) => SAYS_WHY.test(line));
  const isTraceback = rest.some((line) => line.startsWith('Traceback ('));
  const reason = (isTraceback ? rest.filter((line) => /^\w[\w.]*(?:Error|Exception|Interrupt|Exit)\b/.test(line)).pop() : undefined) ?? reasons[0] ?? rest[rest.length - 1];
  const ending = first.replace(/^Error: /, '');
  return reason ? `${ending}: ${reason.trim()}` : ending;
}
