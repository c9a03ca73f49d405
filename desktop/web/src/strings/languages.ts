// The languages of the page: which there are, which one a person gets, and in which direction it is written.

export const LANGUAGES = ['en', 'de'] as const;
// Made of the English texts for tests: longer, accented and in brackets, so that a text outside the catalogue and a narrow box show.
export const TEST_LANGUAGES = ['pseudo', 'pseudo-rtl'] as const;

export type Language = (typeof LANGUAGES)[number] | (typeof TEST_LANGUAGES)[number];

// As the system has it, or a language by its name in itself, which everybody finds again.
export const LANGUAGE_CHOICES = ['system', ...LANGUAGES] as const;
export type LanguageChoice = (typeof LANGUAGE_CHOICES)[number];

// Only builds for tests and for work on the page have the test languages.
export const HAS_TEST_LANGUAGES: boolean = import.meta.env.DEV || import.meta.env.MODE === 'pseudo';

// The chosen language; else the first of `preferred` that the page speaks (`de-AT` is German); else English.
export function languageOf(choice: string | undefined, preferred: readonly string[]): Language {
  const known: readonly Language[] = HAS_TEST_LANGUAGES ? [...LANGUAGES, ...TEST_LANGUAGES] : LANGUAGES;
  const chosen = known.find((each) => each === choice);
  if (chosen) return chosen;
  for (const tag of preferred) {
    const spoken = LANGUAGES.find((each) => each === primary(tag));
    if (spoken) return spoken;
  }
  return 'en';
}

export function choiceOf(choice: string | undefined): LanguageChoice {
  return LANGUAGE_CHOICES.find((each) => each === choice) ?? 'system';
}

// The tag for `Intl`: with the person's region where it is one of this language, because dates differ by region.
export function localeOf(language: Language, preferred: readonly string[]): string {
  return preferred.find((tag) => primary(tag) === language) ?? tagOf(language);
}

// For the attribute `lang`. The test languages are English to a screen reader and to `Intl`.
export function tagOf(language: Language): string {
  return LANGUAGES.find((each) => each === language) ?? 'en';
}

export function directionOf(language: Language): 'ltr' | 'rtl' {
  return language === 'pseudo-rtl' ? 'rtl' : 'ltr';
}

function primary(tag: string): string {
  return tag.split('-')[0]?.toLowerCase() ?? '';
}
