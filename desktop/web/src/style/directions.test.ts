// The page can be written from right to left: styles say start and end, never left and right.

// @ts-expect-error: the page has no types of Node, which runs this test.
import { readdirSync, readFileSync } from 'node:fs';
import { expect, test } from 'vitest';

// Path below src -> text.
const below = (modules: Record<string, string>) => Object.entries(modules).map(([path, text]): [string, string] => [path.replace(/^\.\.\//, '').replace(/^\.\//, 'style/'), text]);
// Read from the disk: the bundler gives the names of a module's classes instead of its text.
const folder = new URL('..', import.meta.url);
const sheets = (readdirSync(folder, { recursive: true }) as string[]).filter((file) => file.endsWith('.css')).map((file): [string, string] => [file.replaceAll('\\', '/'), readFileSync(new URL(file, folder), 'utf8')]);
const components = below(import.meta.glob<string>(['../**/*.tsx', '!../**/*.test.tsx'], { query: '?raw', import: 'default', eager: true }));

// Properties and values that stay on their side when the direction changes.
const PHYSICAL = /(?<![\w-])(?:(?:margin|padding|border|scroll-margin|scroll-padding)-(?:left|right)|(?:left|right)\s*:|border-(?:top|bottom)-(?:left|right)-radius|text-align:\s*(?:left|right)|float:\s*(?:left|right)|clear:\s*(?:left|right))/;
const PHYSICAL_STYLE = /(?<![\w.'-])(?:(?:margin|padding|border)(?:Left|Right)|textAlign:\s*'(?:left|right)'|(?:left|right):\s*(?:['"`]?-?\d))/;

// Rules that mean a side of the screen, with the reason.
const ALLOWED: Readonly<Record<string, string>> = {
  'ui/kit/popup.module.css .dialog': 'In the middle of the window; the transform that centres it is physical, too.',
  'panels/timeline/timeline.module.css .jump': 'In the middle of the timeline; the transform that centres it is physical, too.',
  'markdown.module.css .table [data-align="left"]': 'The author of the text chose the side.',
  'markdown.module.css .table [data-align="right"]': 'The author of the text chose the side.',
};

test('no style sheet names a side of the screen', () => {
  expect(sheets.length).toBeGreaterThan(30);
  const found = sheets.flatMap(([file, text]) =>
    text
      .split('\n')
      .filter((line) => PHYSICAL.test(line.replace(/\/\*.*?\*\//g, '')))
      .map((line) => `${file} ${line.trim().split(' {')[0]}`),
  );
  expect(found.filter((each) => !(each in ALLOWED))).toEqual([]);
  // An exception that is no longer needed is removed.
  expect(Object.keys(ALLOWED).filter((each) => !found.includes(each))).toEqual([]);
});

test('no component sets a side of the screen', () => {
  expect(components.filter(([, text]) => PHYSICAL_STYLE.test(text)).map(([file]) => file)).toEqual([]);
});
