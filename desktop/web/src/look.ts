// How the page looks where a person wants it otherwise than the system: theme, motion, size of the text, density.
//
// The style sheets say each of it once, in media rules. A choice decides those rules in place of the system, so that no colour is written twice.

export const THEMES = ['system', 'light', 'dark'] as const;
export const MOTIONS = ['system', 'less'] as const;
export const DENSITIES = ['comfortable', 'compact'] as const;
export const TEXT_SIZES = ['80', '90', '100', '110', '125', '150'] as const;

export type Theme = (typeof THEMES)[number];
export type Motion = (typeof MOTIONS)[number];
export type Density = (typeof DENSITIES)[number];
export type TextSize = (typeof TEXT_SIZES)[number];

export interface Look {
  theme: Theme;
  motion: Motion;
  textSize: TextSize;
  density: Density;
}

// What was chosen; anything unknown is as the system has it.
export function lookOf(choices: Readonly<Record<string, string>>): Look {
  return { theme: one(THEMES, choices.theme, 'system'), motion: one(MOTIONS, choices.motion, 'system'), textSize: one(TEXT_SIZES, choices.textSize, '100'), density: one(DENSITIES, choices.density, 'comfortable') };
}

function one<T extends string>(known: readonly T[], wanted: string | undefined, otherwise: T): T {
  return known.find((each) => each === wanted) ?? otherwise;
}

const LIGHT = '(prefers-color-scheme: light)';
const LESS_MOTION = '(prefers-reduced-motion: reduce)';
const ANY_MOTION = '(prefers-reduced-motion: no-preference)';

// The media text that a rule gets; undefined for rules that no choice is about.
function mediaOf(written: string, { theme, motion }: Look): string | undefined {
  if (written === LIGHT) return theme === 'system' ? LIGHT : theme === 'light' ? 'all' : 'not all';
  if (written === LESS_MOTION) return motion === 'less' ? 'all' : LESS_MOTION;
  if (written === ANY_MOTION) return motion === 'less' ? 'not all' : ANY_MOTION;
  return undefined;
}

// As the style sheets were written, because what is decided can no longer be read from a rule.
const asWritten = new WeakMap<CSSMediaRule, string>();

// Whether less space is left between what is shown.
export function isCompact(choices: Readonly<Record<string, string>>): boolean {
  return choices.density === 'compact';
}

export function wear(look: Look, document: Document): void {
  document.documentElement.dataset.density = look.density;
  document.documentElement.style.setProperty('--zoom', String(Number(look.textSize) / 100));
  for (const sheet of document.styleSheets)
    for (const rule of sheet.cssRules) {
      if (!('media' in rule) || !('cssRules' in rule)) continue;
      const media = rule as CSSMediaRule;
      const written = asWritten.get(media) ?? media.media.mediaText;
      asWritten.set(media, written);
      const wanted = mediaOf(written, look);
      if (wanted !== undefined && wanted !== media.media.mediaText) media.media.mediaText = wanted;
    }
}
