// What types cannot say of the German texts: branches, actions, and that nothing was left in English.

import { parse } from '@formatjs/icu-messageformat-parser';
import { afterEach, expect, test } from 'vitest';
import { de } from './de';
import { en } from './en';
import { bytesText, dateTime, day, duration, number, percent, thousands, uptime } from './formats';
import { languageOf, localeOf } from './languages';
import { actionTree, declaredActions } from './pseudo';
import { say, speak } from './spoken';
import { cardWord, toolWords } from './tool_words';
import type { Empty, Translation, WrongTexts } from './translation';

afterEach(() => speak('en'));

type Texts = { readonly [key: string]: string | Texts };

function textsOf(texts: object, path = ''): [path: string, text: string][] {
  return Object.entries(texts as Texts).flatMap(([key, each]): [string, string][] => (typeof each === 'string' ? [[path + key, each]] : textsOf(each, `${path}${key}.`)));
}

// Placeholders, tags and the branches of selects: an answer of the daemon that English names must be named in German.
function shape(text: string): string[] {
  const found: string[] = [];
  const walk = (parts: unknown): void => {
    for (const part of parts as { type: number; value: string; options?: Record<string, { value: unknown }>; children?: unknown }[]) {
      // 0: words, 5: select, 6: plural, 7: #, 8: a tag.
      if (part.type !== 0 && part.type !== 7) found.push(`${part.type === 6 || part.type === 2 ? 'number' : part.type} ${part.value}`);
      if (part.type === 5) found.push(...Object.keys(part.options ?? {}).map((branch) => `${part.value} = ${branch}`));
      for (const { value } of Object.values(part.options ?? {})) walk(value);
      if (part.children) walk(part.children);
    }
  };
  walk(parse(text));
  return [...new Set(found)].sort();
}

test('German asks for the same values, has the same tags and the same branches as English', () => {
  const german = new Map(textsOf(de));
  const wrong = textsOf(en).filter(([path, text]) => JSON.stringify(shape(text)) !== JSON.stringify(shape(german.get(path) ?? '')));
  expect(wrong.map(([path, text]) => `${path}: ${text} / ${german.get(path)}`)).toEqual([]);
});

test('every action has German words under its id in strings/de/actions.ts, and no other words are there', () => {
  const ids = (tree: object) => textsOf(tree).map(([path]) => path).sort();
  expect(ids(de.actions)).toEqual(ids(actionTree(declaredActions())));
});

test('no text was left in English', () => {
  const english = new Map(textsOf(en));
  // Words that are the same in both languages, and texts that show only values.
  const SAME =
    /^(Daemon|LMX|Triage|Pause|Hooks|Top-k|Anthropic Messages|pid {pid}|Chat|Plan|Port|Status|Server|Sandbox|Text|Code|Tab|Alt|Esc|Route|Worktree|PID|Skills|Download|Downloads|Revision|text|sandbox|server|Opta|git|English|Deutsch|Argument|{.*}|[^a-zA-Z]*)$/;
  const kept = textsOf(de).filter(([path, text]) => english.get(path) === text && !SAME.test(text) && /[a-z]{3}/i.test(text.replace(/\{[^{}]*\}|<[^>]*>/g, '')));
  expect(kept.map(([path, text]) => `${path}: ${text}`).filter((line) => !/·|LMX|L3|step|usedOf|command|Diff| min | UTC|Opta: /.test(line))).toEqual([]);
});

test('numbers, sizes, spans and dates are written as the language does', async () => {
  expect([number(12345), percent(12.5, 1), bytesText(4_210_000_000), duration(2_140), uptime(7_500)]).toEqual(['12,345', '12.5%', '4.2 GB', '2.1 s', '2 h 5 min']);
  await speak('de');
  expect([number(12345), percent(12.5, 1), bytesText(4_210_000_000), duration(2_140), uptime(7_500)]).toEqual(['12.345', '12,5\u00a0%', '4,2 GB', '2,1 s', '2 h 5 min']);
  expect(thousands(26_800)).toBe('26,8k');
  expect(day('2026-12-05T12:00:00Z')).toBe('Sa., 5. Dezember 2026');
  expect([day('never'), dateTime('')]).toEqual(['', '']);
  expect(say('cards')('lines', { count: 1 })).toBe('1 Zeile');
  expect(say('cards')('lines', { count: 1_200 })).toBe('1.200 Zeilen');
});

test('tools and the codes of a permission question are German, and what a server or a newer daemon names stays as it is', async () => {
  await speak('de');
  expect(toolWords('run_command')).toEqual({ label: 'Ausführen', question: 'Einen Befehl ausführen?' });
  expect(toolWords('mcp__files__move', 'files').question).toBe('mcp__files__move verwenden?');
  expect([cardWord('networks', 'off'), cardWord('networks', 'new')]).toEqual(['nein', 'new']);
});

test('the system decides until a language is chosen, with the region of the person', () => {
  expect(languageOf(undefined, ['fr-FR', 'de-AT', 'en-GB'])).toBe('de');
  expect(languageOf('system', ['fr-FR'])).toBe('en');
  expect(languageOf('en', ['de-DE'])).toBe('en');
  expect(languageOf('nonsense', ['de-DE'])).toBe('de');
  expect(localeOf('de', ['en-GB', 'de-AT'])).toBe('de-AT');
  expect(localeOf('de', ['en-GB'])).toBe('de');
});

test('of two languages that are chosen one after the other, the last one is spoken', async () => {
  const first = speak('de');
  const second = speak('en');
  await Promise.all([first, second]);
  expect(say('copy')('copy')).toBe('Copy');
});

test('tsc refuses a text that is missing, surplus, or asks for other values or tags', () => {
  const english = { panel: { files: '{count, plural, one {# file} other {# files}}', link: '<link>{name}</link>' } } as const;
  type English = typeof english;
  // @ts-expect-error: `link` is missing.
  const missing = { panel: { files: '' } } satisfies Translation<English>;
  // @ts-expect-error: `more` is surplus.
  const surplus = { panel: { files: '', link: '', more: '' } } satisfies Translation<English>;
  type Right = { panel: { files: '{count, plural, one {# Datei} other {# Dateien}}'; link: '<link>{name}</link>' } };
  type OtherValue = { panel: { files: '{number} Dateien'; link: '<link>{name}</link>' } };
  type OtherTag = { panel: { files: '{count, plural, other {# Dateien}}'; link: '<a>{name}</a>' } };
  type Good = Empty<WrongTexts<English, Right>>;
  // @ts-expect-error: `number` is no value of the English text.
  type Bad = Empty<WrongTexts<English, OtherValue>>;
  // @ts-expect-error: the English text has no tag `a`.
  type Worse = Empty<WrongTexts<English, OtherTag>>;
  const names: [Good?, Bad?, Worse?] = [];
  expect([missing, surplus, names].length).toBe(3);
});
