import { type ReactNode, useState } from 'react';
import type { Call } from '../../transcript';
import { Diff } from '../../ui/diff';

const NAMES: Record<string, string> = {
  read_file: 'Read',
  list_dir: 'List',
  search_files: 'Find',
  grep: 'Search',
  write_file: 'Write',
  edit_file: 'Edit',
  run_command: 'Run',
  todo: 'Plan',
};
const GLYPHS: Record<Call['state'], [string, string, string]> = {
  called: ['○', 'dim', 'asked for'],
  asking: ['◆', 'warn', 'waiting for you'],
  allowed: ['○', 'dim', 'allowed'],
  running: ['●', 'live pulse', 'running'],
  ok: ['✓', 'ok', 'done'],
  failed: ['✕', 'err', 'failed'],
  denied: ['✕', 'err', 'denied'],
};
const LINES_MAX = 400;

export function subject(call: Call): string {
  const { command, path, pattern } = call.args;
  return String(command ?? pattern ?? path ?? '');
}

export function ToolCard({ call }: { call: Call }): ReactNode {
  const [isOpen, setOpen] = useState<boolean | null>(null);
  const diff = call.changes.map((change) => change.diff ?? '').join('\n');
  const open = isOpen ?? Boolean(diff);
  const [glyph, tone, word] = GLYPHS[call.state];
  const failure = call.state === 'failed' ? call.content.split('\n', 1)[0] : '';
  return (
    <section className="tool" aria-label={`${NAMES[call.name] ?? call.name} ${subject(call)}, ${word}`}>
      <button type="button" className="tool-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>{NAMES[call.name] ?? call.name}</strong>
        <code className="subject">{subject(call)}</code>
        <span className="dim num right">
          {call.state === 'ok' || call.state === 'failed' ? `${call.lines} ${call.lines === 1 ? 'line' : 'lines'} · ${Math.round(call.durationMs)} ms` : word}
        </span>
      </button>
      {failure && !open ? <p className="err failure">{failure}</p> : null}
      {open ? <Body call={call} diff={diff} /> : null}
    </section>
  );
}

function Body({ call, diff }: { call: Call; diff: string }): ReactNode {
  if (diff) return <Diff text={diff} />;
  const text = call.content || call.output || JSON.stringify(call.args, null, 1);
  const lines = text.split('\n');
  return (
    <pre className="output">
      {lines.slice(0, LINES_MAX).join('\n')}
      {lines.length > LINES_MAX ? `\n… ${lines.length - LINES_MAX} more lines` : ''}
    </pre>
  );
}
