// What people read of a tool and of a permission question, in the language of the page.

import { serverLabel, toolOf } from '../tools';
import { say, spoken } from './spoken';

interface ToolWords {
  label: string;
  question: string;
}

// A tool of a server keeps the name that its server gave it.
export function toolWords(name: string, server = ''): ToolWords {
  if (toolOf(name, server).evidence === 'server') return { label: serverLabel(name), question: say('card')('useOf', { tool: name }) };
  return (spoken().messages.tools as Record<string, ToolWords>)[name] ?? toolOf(name, server);
}

// The text of a code of the daemon; the code itself where this page is older than it.
export function cardWord(kind: 'networks' | 'sandboxes' | 'missing', code: string): string {
  return (spoken().messages.card[kind] as Record<string, string>)[code] ?? code;
}
