import { expect, test } from 'vitest';
import { failureLines, OutputReader, outputLines, plainText, withoutEnding } from './terminal_text';

const ESC = '\u001b';

test('colours become classes, and last over the ends of lines until they are reset', () => {
  expect(outputLines(`a ${ESC}[31;1mred\nstill${ESC}[0m plain`)).toEqual([
    { pieces: [{ text: 'a ', tone: '' }, { text: 'red', tone: 'ansi-red ansi-bold' }] },
    { pieces: [{ text: 'still', tone: 'ansi-red ansi-bold' }, { text: ' plain', tone: '' }] },
  ]);
});

test.each([
  ['10%\r50%\r100%', '100%'],
  ['10%\r50%\r', '50%'],
  ['line\r\nnext', 'line|next'],
  [`${ESC}]0;title\u0007shown`, 'shown'],
  [`${ESC}]8;;https://example.test${ESC}\\link${ESC}]8;;${ESC}\\`, 'link'],
  [`${ESC}[2J${ESC}[1;1Hhome${ESC}[K`, 'home'],
  [`${ESC}[38;5;202mx${ESC}[38;2;1;2;3my`, 'xy'],
  ['abc\b\bX', 'aX'],
  ['\b\bx', 'x'],
  [`bell\u0007 nul\u0000`, 'bell nul'],
  [`cut ${ESC}[3`, 'cut '],
])('%j is shown as %j', (text, shown) => {
  expect(outputLines(text).map(plainText).join('|')).toBe(shown);
});

test.each([
  ['Error: exit code 3\ncollecting\nFAILED tests/a.py::b\n1 failed', 'exit code 3: FAILED tests/a.py::b'],
  ['Error: exit code 1\nTraceback (most recent call last):\n  File "a.py", line 1\n    error = 1\nKeyError: \'x\'', "exit code 1: KeyError: 'x'"],
  ['Error: exit code 127\nbash: foo: command not found', 'exit code 127: bash: foo: command not found'],
  ['Error: exit code 1', 'exit code 1'],
  [`Error: exit code 2\n${ESC}[31merror${ESC}[0m: bad`, 'exit code 2: error: bad'],
  ['Error: timed out after 5 s\none\nwaiting\n\nstill waiting\nend', 'timed out after 5 s|waiting|still waiting|end'],
  ['Error: no such file: x', 'Error: no such file: x'],
])('a failed call says how it ended and why', (content, line) => {
  expect(failureLines(content).join('|')).toBe(line);
});

test('a long output takes no time worth mentioning', () => {
  const text = `${ESC}[32mok${ESC}[0m some line of output\n`.repeat(5000);
  expect(outputLines(text)).toHaveLength(5001);
  expect(plainText(outputLines(`${'x'.repeat(5000)}${'\b'.repeat(5000)}y`)[0] ?? { pieces: [] })).toBe('y');
});

test('an output that grows has the lines of the whole, wherever it was cut', () => {
  const text = `${ESC}[31mred\nstill red${ESC}[0m\r\n10%\r20%\rdone\nab\bc\n${ESC}[1mbold\n${ESC}[22mx`;
  const reader = new OutputReader();
  for (let end = 0; end <= text.length; end += 1) expect(reader.read(text.slice(0, end))).toEqual(outputLines(text.slice(0, end)));
  expect(reader.read('other')).toEqual(outputLines('other'));
});

test('the output of a failed command is shown without the line that the card says', () => {
  expect(withoutEnding('Error: exit code 3\na\nb')).toBe('a\nb');
  expect(withoutEnding('Error: no such file')).toBe('Error: no such file');
});

test.each([
  ['38;5;202', 'ansi-yellow'],
  ['38;5;196', 'ansi-red'],
  ['38;5;46', 'ansi-green'],
  ['38;5;39', 'ansi-cyan'],
  ['38;5;21', 'ansi-blue'],
  ['38;5;201', 'ansi-magenta'],
  ['38;5;244', ''],
  ['38;5;9', 'ansi-bright-red'],
  ['38;2;255;10;10', 'ansi-red'],
  ['38;2;250;10;80', 'ansi-red'],
  ['38;2;90;95;92', ''],
  ['48;5;21', 'ansi-bg-blue'],
])('the colour %s is drawn as %j', (code, tone) => {
  expect(outputLines(`${ESC}[${code}mx`)[0]?.pieces).toEqual([{ text: 'x', tone }]);
});
