// The English texts made strange, for tests and for work on the page: accented, 40 % longer and in brackets.
//
// A text without accents is not from the catalogue; a box that cuts the closing bracket is too small for other languages.

import { en } from './en';

const LONGER = 0.4;

const PLAIN = 'abcdefghijklmnoprstuvwyzABCDEFGHIJKLMNOPRSTUVWYZ';
const ACCENTED = 'àƀçðéƒĝĥîĵķļɱñöþŕšţûṽŵýžÀßÇÐÉƑĜĤÎĴĶĻṀÑÖÞŔŠŢÛṼŴÝŽ';
const ACCENTS: ReadonlyMap<string, string> = new Map([...PLAIN].map((letter, at) => [letter, [...ACCENTED][at] ?? letter]));

export const PSEUDO_LETTER = new RegExp(`[${ACCENTED}]`, 'u');

type Texts = { readonly [key: string]: string | Texts };

interface ActionTexts {
  id: string;
  name: string;
  label: string;
}

// The English texts of every action, also of those that need an argument and so are in no list.
export function declaredActions(): ActionTexts[] {
  const modules = import.meta.glob<Record<string, unknown>>(['../actions/*.ts', '!../actions/*.test.ts'], { eager: true });
  const found = Object.values(modules).flatMap((module) => Object.values(module).flat()).filter(isAction);
  return [...new Map(found.map((action) => [action.id, action])).values()];
}

function isAction(value: unknown): value is ActionTexts {
  const action = value as Partial<ActionTexts> | null;
  return typeof action === 'object' && typeof action?.id === 'string' && typeof action.name === 'string' && typeof action.label === 'string';
}

// By the parts of the id, as a catalogue has them.
export function actionTree(actions: readonly ActionTexts[]): Texts {
  const tree: Record<string, unknown> = {};
  for (const { id, name, label } of actions) {
    let at = tree;
    for (const part of id.split('.')) at = (at[part] ??= {}) as Record<string, unknown>;
    Object.assign(at, { name, label });
  }
  return tree as Texts;
}

export function pseudoCatalogue(): object {
  return changed({ ...(en as unknown as Texts), actions: actionTree(declaredActions()) });
}

function changed(texts: Texts): Texts {
  return Object.fromEntries(Object.entries(texts).map(([key, text]) => [key, typeof text === 'string' ? pseudo(text) : changed(text)]));
}

// A message with its placeholders, tags and branches as they are. One without letters of its own stays as it is: it shows only values.
export function pseudo(message: string): string {
  const { text, letters } = accented(message, 0);
  if (!letters) return message;
  const [, before = '', inner = '', after = ''] = /^(\s*)(.*?)(\s*)$/su.exec(text) ?? [];
  return `${before}⟦${inner}${'~'.repeat(Math.ceil(letters * LONGER))}⟧${after}`;
}

// From `start` to the end, or to the brace that closes the branch. `letters`: those that were changed.
function accented(message: string, start: number): { text: string; letters: number; end: number } {
  let [text, letters, at] = ['', 0, start];
  while (at < message.length && message[at] !== '}') {
    const branch = /^\{\s*\w+\s*,\s*(?:plural|select|selectordinal)\s*,/.exec(message.slice(at))?.[0];
    const kept = branch ? undefined : /^(?:\{[^{}]*\}|<\/?\w+\/?>)/.exec(message.slice(at))?.[0];
    if (branch) {
      text += branch;
      at += branch.length;
      for (let head = selector(message, at); head; head = selector(message, at)) {
        const inner = accented(message, at + head.length);
        text += `${head}${inner.text}}`;
        letters += inner.letters;
        at = inner.end + 1;
      }
      text += '}';
      at = message.indexOf('}', at) + 1;
    } else if (kept) {
      text += kept;
      at += kept.length;
    } else {
      const letter = message[at] ?? '';
      const changedTo = ACCENTS.get(letter);
      text += changedTo ?? letter;
      letters += changedTo ? 1 : 0;
      at += 1;
    }
  }
  return { text, letters, end: at };
}

function selector(message: string, at: number): string | undefined {
  return /^\s*(?:=\d+|[^\s{}]+(?: [^\s{}]+)*)\s*\{/.exec(message.slice(at))?.[0];
}
