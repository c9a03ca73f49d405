// Every text that a person reads is in a catalogue: components and actions hold none of their own.

import { parseAst } from 'vite';
import { expect, test } from 'vitest';

// Path below src -> text.
const sources = new Map(Object.entries(import.meta.glob<string>('../**/*.{ts,tsx}', { query: '?raw', import: 'default', eager: true })).map(([path, text]) => [path.replace(/^\.\.\//, '').replace(/^\.\//, 'strings/'), text]));

// Attributes whose value is read by a person or by a screen reader.
const READ = new Set(['aria-label', 'aria-description', 'aria-roledescription', 'aria-valuetext', 'title', 'placeholder', 'alt', 'label', 'hint', 'description']);

// What is the same in every language: names, and commands as they are typed.
const SAME_EVERYWHERE = /^(Opta|LMX|https?:\/\/\S+|opta [a-z][a-zA-Z -]*|[^\p{L}]*)$/u;

// Files and texts that stay as they are, with the reason.
const ALLOWED: Readonly<Record<string, string>> = {
  'hooks.tsx': 'A fault of the program, for its makers.',
};

interface Node {
  type: string;
  start: number;
  value?: unknown;
  name?: { name?: string };
  [key: string]: unknown;
}

function isNode(value: unknown): value is Node {
  return typeof value === 'object' && value !== null && typeof (value as Node).type === 'string';
}

// Texts in JSX, in attributes that are read, and in errors that are thrown.
function literals(file: string, source: string): string[] {
  const found: string[] = [];
  const note = (node: Node, text: unknown) => {
    if (typeof text === 'string' && /\p{L}{2}/u.test(text) && !SAME_EVERYWHERE.test(text.trim())) found.push(`${file}:${source.slice(0, node.start).split('\n').length} ${text.trim()}`);
  };
  const noteAll = (value: unknown): void => {
    if (!isNode(value)) return;
    if (value.type === 'Literal') note(value, value.value);
    if (value.type === 'TemplateElement') note(value, (value.value as { cooked: string }).cooked);
    if (value.type === 'TemplateLiteral') (value.quasis as unknown[]).forEach(noteAll);
    if (value.type === 'ConditionalExpression') [value.consequent, value.alternate].forEach(noteAll);
    if (value.type === 'LogicalExpression') [value.left, value.right].forEach(noteAll);
    if (value.type === 'JSXExpressionContainer') noteAll(value.expression);
  };
  const walk = (value: unknown): void => {
    if (Array.isArray(value)) value.forEach(walk);
    if (!isNode(value)) return;
    if (value.type === 'JSXText') note(value, value.value);
    if (value.type === 'JSXAttribute' && READ.has(value.name?.name ?? '')) noteAll(value.value);
    if (value.type === 'JSXExpressionContainer') {
      // Of an attribute, the line above decides.
      const { expression } = value;
      if (isNode(expression) && ['ConditionalExpression', 'LogicalExpression', 'TemplateLiteral', 'Literal'].includes(expression.type)) inChildren.has(value) && noteAll(expression);
    }
    if (value.type === 'JSXElement' || value.type === 'JSXFragment') for (const child of value.children as Node[]) inChildren.add(child);
    if (value.type === 'NewExpression' && isNode(value.callee) && /Error$|^PageProblem$/.test(String((value.callee as { name?: string }).name))) (value.arguments as unknown[]).forEach(noteAll);
    if (value.type === 'Property' && ['notice', 'problem'].includes(String((value.key as { name?: string }).name))) noteAll(value.value);
    for (const [key, inner] of Object.entries(value)) if (key !== 'parent') walk(inner);
  };
  const inChildren = new Set<unknown>();
  walk(parseAst(source, { lang: file.endsWith('x') ? 'tsx' : 'ts' }).body);
  return found;
}

const files = [...sources.keys()].filter((file) => !/\.test\.tsx?$/.test(file) && !/^(strings|testing)\//.test(file) && !['protocol.ts', 'tools.ts'].includes(file));

test('no component, action or error holds a text of its own', () => {
  expect(files.length).toBeGreaterThan(200);
  const found = files.filter((file) => !(file in ALLOWED)).flatMap((file) => literals(file, sources.get(file) ?? ''));
  // A text for people goes into src/strings/en and src/strings/de (see src/strings/README.md).
  expect(found).toEqual([]);
});

test('only strings/formats.ts asks Intl for numbers and dates', () => {
  const own = /\bIntl\.(?!DateTimeFormat\(\)\.resolved)|\.toLocale(String|DateString|TimeString)\(|\.toFixed\(/;
  // A figure for a drawing, not for a person.
  const drawings = ['panels/telemetry/metric.tsx'];
  expect(files.filter((file) => !drawings.includes(file) && own.test(sources.get(file) ?? ''))).toEqual([]);
});

test('such a text is found wherever it is written', () => {
  const source = [
    "const a = <p title={isOpen ? 'Close it' : words('open')}>Plain words</p>;",
    // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the source of a component.
    "const b = <input placeholder='Type here' aria-label={`Name of ${each}`} className='quiet words' />;",
    "const c = <p>{count ? 'some words' : null} {words('fine')}</p>;",
    "throw new Error('It does not work');",
    "page.set({ notice: 'It is done' });",
  ].join('\n');
  expect(literals('a.tsx', source).map((each) => each.replace(/^\S+ /, '')).sort()).toEqual(['Close it', 'It does not work', 'It is done', 'Name of', 'Plain words', 'Type here', 'some words'].sort());
});

test('no panel shows the English words of an action: it asks useActionWords, wordsOf or ActionLabel', () => {
  const actions = [...sources].filter(([file]) => /^actions\/[^/]+\.ts$/.test(file)).flatMap(([, text]) => [...text.matchAll(/^export const (\w+)(?:: Action| = )/gm)].map(([, name]) => name ?? ''));
  const own = new RegExp(`(?<![\\w.])(${actions.join('|')})\\.(label|name)\\b`);
  expect(files.filter((file) => file.endsWith('.tsx') && own.test(sources.get(file) ?? ''))).toEqual([]);
});
