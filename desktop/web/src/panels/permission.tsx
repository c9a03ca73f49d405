import { type ReactNode, useEffect, useState } from 'react';
import { daemon } from '../daemon';
import { showProblem, useStore } from '../state';
import { subject } from './toolcard';

const QUESTIONS: Record<string, string> = {
  run_command: 'Run a command?',
  write_file: 'Write a file?',
  edit_file: 'Edit a file?',
  read_file: 'Read a file?',
  list_dir: 'List a folder?',
};

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
      if (decision) {
        event.preventDefault();
        answer(decision);
      }
    };
    window.addEventListener('keydown', onKey);
    return () => window.removeEventListener('keydown', onKey);
  });

  if (!first) return null;
  const { call } = first;
  const always = call.offers.find((offer) => offer.id === 'always');
  const answer = (decision: string) => {
    if (sent === requestId) return;
    setSent(requestId);
    daemon.answer(transcript.sid, requestId, decision).catch((error: unknown) => {
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
        {typeof call.args.content === 'string' ? <pre>{call.args.content.slice(0, 2000)}</pre> : null}
        {typeof call.args.new === 'string' ? <pre>{`- ${String(call.args.old)}\n+ ${call.args.new}`.slice(0, 2000)}</pre> : null}
      </div>
      <div className="buttons">
        <button type="button" className="primary" disabled={isSent} onClick={() => answer('allow')}>
          Allow once
        </button>
        {always ? (
          <button type="button" disabled={isSent} onClick={() => answer('always')}>
            {always.label}
          </button>
        ) : null}
        <button type="button" disabled={isSent} onClick={() => answer('session')}>
          Allow in this session
        </button>
        <button type="button" disabled={isSent} onClick={() => answer('deny')}>
          Deny
        </button>
      </div>
      <p className="dim">why: {call.reason}</p>
    </section>
  );
}
