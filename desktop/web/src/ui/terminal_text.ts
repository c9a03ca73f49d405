// The output of a command as lines of coloured pieces: what a terminal would show of it, without moving a cursor.

import Anser from 'anser';
import { colourClass } from './terminal_colours';

export interface TextPiece {
  text: string;
  // Class names: one of the 16 colours, and the decorations.
  tone: string;
}

export interface OutputLine {
  pieces: TextPiece[];
}

const DECORATIONS: Record<string, string> = { bold: 'ansi-bold', dim: 'ansi-dim', italic: 'ansi-italic', underline: 'ansi-underline', strikethrough: 'ansi-strike' };
// CSI other than colours, OSC (titles, links), and single-character escapes.
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
const OTHER = /\u001b\[(?![\d;:]*m)[\d;?<>=!:]*[ -/]*[@-~]|\u001b\][^\u0007\u001b]*(?:\u0007|\u001b\\)?|\u001b[()#][0-9A-Z]?|\u001b\[[\d;:?]*$|\u001b[^[\]()#]|[\u0000-\u0007\u000b\u000c\u000e-\u001a\u007f]/gm;

// The lines of an output that grows: those that are whole are read once.
export class OutputReader {
  private whole: OutputLine[] = [];
  private text = '';
  private kept = '';

  read(text: string): OutputLine[] {
    if (!text.startsWith(this.text)) [this.whole, this.text, this.kept] = [[], '', ''];
    // A carriage return at the end may belong to a line break.
    const end = text.lastIndexOf('\n') + 1;
    if (end > this.text.length) {
      const { lines, kept } = readLines(text.slice(this.text.length, end - 1), this.kept);
      this.whole = [...this.whole, ...lines];
      this.text = text.slice(0, end);
      this.kept = kept;
    }
    return [...this.whole, ...readLines(text.slice(end), this.kept).lines];
  }
}

// Each line of an output. A carriage return begins its line anew, as progress bars do; a backspace takes a character back.
export function outputLines(text: string): OutputLine[] {
  return readLines(text, '').lines;
}

// `kept`: the colour codes in force before the text, and behind it.
function readLines(text: string, before: string): { lines: OutputLine[]; kept: string } {
  const plain = text.replaceAll('\r\n', '\n').replace(OTHER, '');
  const lines = plain.split('\n').map(lastWritten);
  const found: OutputLine[] = [];
  // A colour lasts until it is changed, over the ends of lines.
  let kept = before;
  for (const line of lines) {
    const pieces: TextPiece[] = [];
    for (const part of Anser.ansiToJson(kept + line, { use_classes: true, remove_empty: true })) pieces.push({ text: part.content, tone: tone(part) });
    found.push({ pieces });
    kept = lasting(kept + line);
  }
  return { lines: found, kept };
}

// What a terminal shows of a line with carriage returns and backspaces.
function lastWritten(line: string): string {
  const parts = line.split('\r').filter((part, at, all) => part !== '' || at < all.length - 1);
  let text = parts[parts.length - 1] ?? '';
  // biome-ignore lint/suspicious/noControlCharactersInRegex: a backspace
  while (/[^\b]\u0008/.test(text)) text = text.replace(/[^\b]\u0008/, '');
  return text.replaceAll('\b', '');
}

function tone(part: { fg: string | null; bg: string | null; fg_truecolor: string | null; bg_truecolor: string | null; decorations: string[]; isInverted?: boolean }): string {
  const colours = [colourClass(part.fg, part.fg_truecolor), colourClass(part.bg, part.bg_truecolor).replace('ansi-', 'ansi-bg-')];
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

// How many lines stand for a reason that no line names.
const LAST_LINES = 3;

// What a failed call says first: how it ended, and the line that says why: the last such line of a traceback, the first one elsewhere. Where no
// line names an error, the last lines of the output.
export function failureLines(content: string): string[] {
  const lines = outputLines(content).map(plainText);
  const first = lines[0] ?? '';
  if (!ENDING.test(first)) return [first];
  const rest = lines.slice(1).filter((line) => line.trim() !== '');
  const isTraceback = rest.some((line) => line.startsWith('Traceback ('));
  const reason = (isTraceback ? rest.filter((line) => /^\w[\w.]*(?:Error|Exception|Interrupt|Exit)\b/.test(line)).pop() : undefined) ?? rest.find((line) => SAYS_WHY.test(line));
  const ending = first.replace(/^Error: /, '');
  return reason ? [`${ending}: ${reason.trim()}`] : [ending, ...rest.slice(-LAST_LINES)];
}

// The output of a failed command without the line that says how it ended.
export function withoutEnding(content: string): string {
  const [first = ''] = content.split('\n', 1);
  return ENDING.test(first) ? content.slice(first.length + 1) : content;
}
