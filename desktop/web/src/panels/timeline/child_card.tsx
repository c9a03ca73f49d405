import { type ReactNode, useState } from 'react';
import { perform } from '../../actions/action';
import { openSession } from '../../actions/sessions';
import { usePage } from '../../hooks';
import type { Call, Child } from '../../transcript_parts';

const GLYPHS: Record<Child['state'], [string, string, string]> = {
  queued: ['○', 'dim', 'waits for a place'],
  running: ['●', 'live pulse', 'working'],
  waiting: ['◆', 'warn', 'asks you'],
  paused: ['‖', 'dim', 'paused'],
  done: ['✓', 'ok', 'done'],
  limit: ['‖', 'warn', 'met a limit'],
  failed: ['✕', 'err', 'failed'],
  stopped: ['‖', 'dim', 'stopped'],
};

// A sub-agent in the session that started it: how far it is, what it asks, its report, and the way to its session.
export function ChildCard({ call, child, isOver }: { call: Call; child: Child; isOver: boolean }): ReactNode {
  const page = usePage();
  const [isOpen, setOpen] = useState(false);
  // A turn that was stopped ends before its sub-agents have said so.
  const [glyph, tone, word] = GLYPHS[isOver && !call.content && child.state !== 'done' ? 'stopped' : child.state];
  const counted = [child.step ? `step ${child.step}` : '', child.calls ? `${child.calls} ${child.calls === 1 ? 'call' : 'calls'}` : '', child.tokens ? `${child.tokens.toLocaleString()} tokens` : ''];
  return (
    <section className="tool" aria-label={`Sub-agent ${child.title}, ${word}`}>
      <div className="tool-head">
        <span className={tone} aria-hidden="true">
          {glyph}
        </span>
        <strong>Sub-agent</strong>
        <span className="subject">
          {child.title}
          {child.readOnly ? ' · reads only' : ''}
        </span>
        <span className="dim num right">{[word, ...counted].filter(Boolean).join(' · ')}</span>
        <button type="button" className="quiet" disabled={!child.turn} title={`Session s-${child.sid}`} onClick={() => void perform(page, openSession, child.sid)}>
          Open
        </button>
        {call.content ? (
          <button type="button" className="quiet" aria-expanded={isOpen} onClick={() => setOpen(!isOpen)}>
            Report
          </button>
        ) : null}
      </div>
      {child.state === 'waiting' && child.asks && !isOver ? <p className="warn failure">{child.asks}</p> : null}
      {isOpen ? <pre className="output">{call.content}</pre> : null}
    </section>
  );
}
