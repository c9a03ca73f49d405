import type { ReactNode } from 'react';
import { useKeptOpen } from '../../hooks';
import { toolOf } from '../../tools';
import type { Call } from '../../transcript';
import { Diff } from '../../ui/diff';
import { counts } from '../../ui/diff_lines';
import { TerminalOutput } from '../../ui/terminal_output';
import { failureLine, outputLines, plainText } from '../../ui/terminal_text';
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
// What a running command wrote last, while its card is closed.
const TAIL_LINES = 3;
const TAIL_CHARS = 4_000;

export function ToolCard({ call }: { call: Call }): ReactNode {
  const [isOpen, setOpen] = useKeptOpen(call.id);
  const tool = toolOf(call.name, call.server);
  const about = summary(call);
  const diff = call.changes
    .map((change) => change.diff)
    .filter(Boolean)
    .join('\n');
  const open = isOpen ?? Boolean(diff);
  const [glyph, tone, word] = GLYPHS[call.state];
  const failure = call.state === 'failed' ? failureLine(call.content) : '';
  const tail = call.state === 'running' && call.output ? outputLines(call.output.slice(-TAIL_CHARS)).map(plainText).filter(Boolean).slice(-TAIL_LINES) : [];
  return (
    <section className="tool" aria-label={`${tool.label} ${about}, ${word}`}>
      <button type="button" className="tool-head" aria-expanded={open} onClick={() => setOpen(!open)}>
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>{tool.label}</strong>
        <code className="subject">{about}</code>
        <span className="dim num right">
          {diff ? <Counts diff={diff} /> : null}
          {call.state === 'ok' || call.state === 'failed' ? `${call.lines} ${call.lines === 1 ? 'line' : 'lines'} · ${Math.round(call.durationMs)} ms` : word}
        </span>
      </button>
      {failure && !open ? <p className="err failure">{failure}</p> : null}
      {tail.length && !open ? <pre className="tail dim">{tail.join('\n')}</pre> : null}
      {open ? <Body call={call} diff={diff} /> : null}
    </section>
  );
}

// How many lines an edit adds and removes.
function Counts({ diff }: { diff: string }): ReactNode {
  const { added, removed } = counts(diff);
  return (
    <>
      <span className="ok">+{added}</span> <span className="err">−{removed}</span>{' · '}
    </>
  );
}

function Body({ call, diff }: { call: Call; diff: string }): ReactNode {
  if (diff) return <Diff text={diff} />;
  // What the line above does not say whole.
  const given = leaves(call.args).filter((leaf) => leaf.text !== summary(call));
  return (
    <>
      {given.length ? <Leaves leaves={given} isShort /> : null}
      <TerminalOutput text={call.content || call.output} />
    </>
  );
}
