import { type ReactNode, useState } from 'react';
import { toolOf } from '../../tools';
import type { Call } from '../../transcript';
import { Diff } from '../../ui/diff';
import { Leaves } from '../permission/permission';
import { leaves, summary } from '../permission/question';

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

export function ToolCard({ call }: { call: Call }): ReactNode {
  const [isOpen, setOpen] = useState<boolean | null>(null);
  const tool = toolOf(call.name, call.server);
  const about = summary(call);
  const diff = call.changes.map((change) => change.diff ?? '').join('\n');
  const open = isOpen ?? Boolean(diff);
  const [glyph, tone, word] = GLYPHS[call.state];
  const failure = call.state === 'failed' ? call.content.split('\n', 1)[0] : '';
  return (
    <section className="tool" aria-label={`${tool.label} ${about}, ${word}`}>
      <button type="button" className="tool-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>{tool.label}</strong>
        <code className="subject">{about}</code>
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
  const lines = (call.content || call.output).split('\n');
  // What the line above does not say whole.
  const given = leaves(call.args).filter((leaf) => leaf.text !== summary(call));
  return (
    <>
      {given.length ? <Leaves leaves={given} isShort /> : null}
      <pre className="output">
        {lines.slice(0, LINES_MAX).join('\n')}
        {lines.length > LINES_MAX ? `\n… ${lines.length - LINES_MAX} more lines` : ''}
      </pre>
    </>
  );
}
