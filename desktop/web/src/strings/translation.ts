// What another language has to have, as types: `tsc` names every text that is missing, surplus, or asks for other values.

import type { ICUArgs, ICUTags } from 'use-intl';

// The same keys as the English catalogue, with any texts. Use it with `satisfies`, which refuses surplus keys, too.
export type Translation<English> = { readonly [Key in keyof English]: English[Key] extends string ? string : Translation<English[Key]> };

// The keys of texts whose placeholders or tags are not those of the English text; `never` when all are right.
export type WrongTexts<English, Other, Path extends string = ''> = {
  [Key in keyof English & keyof Other & string]: English[Key] extends string
    ? Other[Key] extends string
      ? Same<ICUArgs<English[Key], Kinds>, ICUArgs<Other[Key], Kinds>> extends true
        ? Same<ICUTags<English[Key], unknown>, ICUTags<Other[Key], unknown>> extends true
          ? never
          : `other tags than in English: ${Path}${Key}`
        : `other values than in English: ${Path}${Key}`
      : never
    : WrongTexts<English[Key], Other[Key], `${Path}${Key}.`>;
}[keyof English & keyof Other & string];

// How the values of a message are distinguished.
interface Kinds {
  ICUArgument: string;
  ICUNumberArgument: number;
  ICUDateArgument: Date;
}

type Same<One, Other> = [One] extends [Other] ? ([Other] extends [One] ? true : false) : false;

// A list of wrong texts that has to be empty.
export type Empty<Wrong extends never> = Wrong;
