// The language that the page speaks now, and its texts for everything that is no component. Components use `useWords`.
//
// English is part of the page; another language is loaded when it is chosen. Until then, and when it cannot be loaded, nothing changes.

import { createTranslator, type NamespaceKeys, type NestedKeyOf } from 'use-intl/core';
import { en } from './en';
import { directionOf, type Language, localeOf } from './languages';

export type Catalogue = typeof en;

export interface Spoken {
  language: Language;
  // For `Intl`: with the person's region where that is known.
  locale: string;
  messages: Catalogue;
  direction: 'ltr' | 'rtl';
}

const LOADERS: Record<Language, () => Promise<object>> = {
  en: async () => en,
  de: async () => (await import('./de')).de,
  pseudo: testTexts,
  'pseudo-rtl': testTexts,
};

async function testTexts(): Promise<object> {
  // Written out here, because a build leaves out only what the condition itself names.
  return import.meta.env.DEV || import.meta.env.MODE === 'pseudo' ? (await import('./pseudo')).pseudoCatalogue() : en;
}

let current: Spoken = { language: 'en', locale: 'en', messages: en, direction: 'ltr' };
let wanted = 0;
const listeners = new Set<() => void>();

export function spoken(): Spoken {
  return current;
}

export function onSpoken(listener: () => void): () => void {
  listeners.add(listener);
  return () => listeners.delete(listener);
}

// Rejects when the texts cannot be loaded. Of several that are asked for, the last one is spoken.
export async function speak(language: Language, preferred: readonly string[] = []): Promise<void> {
  const mine = ++wanted;
  const messages = (await LOADERS[language]()) as Catalogue;
  if (mine !== wanted) return;
  current = { language, locale: localeOf(language, preferred), messages, direction: directionOf(language) };
  translators.clear();
  for (const listener of listeners) listener();
}

type Namespace = NamespaceKeys<Catalogue, NestedKeyOf<Catalogue>>;
type Say<Name extends Namespace> = ReturnType<typeof createTranslator<Catalogue, Name>>;

const translators = new Map<string, unknown>();

// The texts of a part of the catalogue as they are now: what is kept longer than a moment stays in the language of that moment.
export function say<Name extends Namespace>(namespace: Name): Say<Name> {
  const known = translators.get(namespace) as Say<Name> | undefined;
  if (known) return known;
  const made = createTranslator<Catalogue, Name>({ locale: current.locale, messages: current.messages, namespace });
  translators.set(namespace, made);
  return made;
}

// A problem that the page itself found, in the person's language. The words of other errors are the daemon's or the browser's.
export class PageProblem extends Error {}
