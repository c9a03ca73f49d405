// A turn as Markdown, to be copied.

import type { Call, Turn } from './transcript';
import { toolOf } from './tools';
import { summary } from './panels/permission/question';

export function turnText(turn: Turn): string {
  const parts = [`**You:** ${turn.command || turn.text}`];
  for (const step of turn.steps) {
    for (const steer of turn.steers) if (steer.step === step.step) parts.push(`**You:** ${steer.text}`);
    if (step.text.trim()) parts.push(step.text.trim());
    for (const call of step.calls) parts.push(callText(call));
  }
  if (turn.error) parts.push(`*${turn.error}*`);
  return `${parts.join('\n\n')}\n`;
}

// What the model said, without its calls.
export function answerText(turn: Turn): string {
  return turn.steps
    .map((step) => step.text.trim())
    .filter(Boolean)
    .join('\n\n');
}

function callText(call: Call): string {
  const head = `> ${toolOf(call.name, call.server).label} \`${summary(call)}\` · ${call.state}`;
  const diff = call.changes.map((change) => change.diff ?? '').join('\n').trim();
  const text = diff || (call.content || call.output).trim();
  return text ? `${head}\n\n${fenced(text, diff ? 'diff' : '')}` : head;
}

// In a fence that the text does not close.
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = '`'.repeat(longest + 1);
  return `${fence}${language}\n${text}\n${fence}`;
}
