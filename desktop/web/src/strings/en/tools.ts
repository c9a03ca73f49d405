// What people read of a tool: declared in `opta_protocol/tools`, and generated from there.

import { TOOLS } from '../../tools';

type Declared = typeof TOOLS;

const texts = Object.entries(TOOLS).map(([name, { label, question }]) => [name, { label, question }]);

export const tools = Object.fromEntries(texts) as { readonly [Name in keyof Declared]: Pick<Declared[Name], 'label' | 'question'> };
