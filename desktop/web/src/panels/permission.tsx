import { type ReactNode, useEffect, useState } from 'react';
import { daemon } from '../daemon';
import { showProblem, useStore } from '../state';
import { Diff, subject } from './toolcard';

const QUESTIONS: Record<string, string> = {
  run_command: 'Run a command?',
  write_file: 'Write a file?',
  edit_file: 'Edit a file?',
  multi_edit: 'Edit a file?',
  browser_navigate: 'Open a page?',
  read_file: 'Read a file?',
  list_dir: 'List a folder?',
};

// What each offer answers; the others allow this once.
const DECISIONS: Record<string, string> = { always: 'always', prefix: 'always', session: 'session', 'session-network': 'session' };

// Docked over the composer, which stays usable under it.
export function Permission(): ReactNode {
  const transcript = useStore((state) => state.transcript);
  useStore((state) => state.version);
  const [sent, setSent] = useState('');
  const asking = transcript.asking();
  const first = asking[0];
  const requestId = first?.call.requestId ?? '';

  useEffect(() => {
    if (!requestId) return;
    const onKey = (event: KeyboardEvent) => {
      const isTyping = document.activeElement instanceof HTMLTextAreaElement || document.activeElement instanceof HTMLInputElement;
      if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
      const decision = { Escape: 'deny', a: 'always', Enter: document.activeElement instanceof HTMLButtonElement ? '' : 'allow' }[event.key];
      if (decision && (decision !== 'always' || first?.call.offers.some((offer) => offer.id === 'always'))) {
        event.preventDefault();
        answer(decision, decision === 'always' ? 'always' : '');
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });

  if (!first) return null;
  const { call } = first;
  const answer = (decision: string, offer = '') => {
    if (sent === requestId) return;
    setSent(requestId);
    daemon.answer(transcript.sid, requestId, decision, offer).catch((error: unknown) => {
      setSent('');
      showProblem(error);
    });
  };
  const isSent = sent === requestId;
  return (
    <section className="permission" aria-label="Permission">
      <header>
        <span className="warn">◆ {QUESTIONS[call.name] ?? `Use ${call.name}?`}</span>
        {asking.length > 1 ? <span className="dim num">1 of {asking.length}</span> : null}
      </header>
      <div className="what">
        <code>{subject(call) || call.name}</code>
        <span className="dim">in {transcript.cwd}</span>
        {call.diff ? <Diff text={call.diff} /> : null}
      </div>
      <div className="buttons">
        <button type="button" className="primary" disabled={isSent} onClick={() => answer('allow')}>
          Allow once
        </button>
        {call.offers.map((offer) => (
          <button key={offer.id} type="button" title={offer.preview ?? ''} disabled={isSent} onClick={() => answer(DECISIONS[offer.id] ?? 'allow', offer.id)}>
            {offer.label}
          </button>
        ))}
        <button type="button" disabled={isSent} onClick={() => answer('deny')}>
          Deny
        </button>
      </div>
      <p className="dim">why: {call.reason}</p>
    </section>
  );
}
