import { type KeyboardEvent, type ReactNode, useState } from 'react';
import { perform, submit } from '../actions';
import { useStore } from '../state';

const LEVELS: [string, string][] = [
  ['L1', 'L1 · Ask'],
  ['L2', 'L2 · Safe'],
  ['L3', 'L3 · Auto'],
];
const LINES_MAX = 10;

export function Composer(): ReactNode {
  const transcript = useStore((state) => state.transcript);
  useStore((state) => state.version);
  const pills = useStore((state) => state.pills);
  const models = useStore((state) => state.models);
  const selected = useStore((state) => state.selected);
  const [drafts, setDrafts] = useState<Record<string, string>>({});
  const [isSending, setSending] = useState(false);
  const text = drafts[selected] ?? '';
  const setText = (value: string) => setDrafts({ ...drafts, [selected]: value });
  const running = transcript.running();
  const mode = pills.mode ?? transcript.mode;
  const level = pills.level ?? (pills.mode ? (mode === 'do' ? 'L2' : 'L1') : transcript.level);
  const model = pills.model ?? (transcript.model || models.find((candidate) => candidate.default)?.id || '');
  const setPill = (name: string, value: string) => useStore.setState({ pills: { ...pills, [name]: value } });

  const send = async () => {
    if (!text.trim() || isSending) return;
    setSending(true);
    // The draft goes only when the daemon has it.
    if (await submit(text)) setDrafts((known) => ({ ...known, [selected]: '' }));
    setSending(false);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      void send();
    }
  };
  return (
    <form
      className="composer"
      onSubmit={(event) => {
        event.preventDefault();
        void send();
      }}
    >
      <textarea
        aria-label="Message"
        placeholder="Type a message…"
        rows={Math.min(LINES_MAX, Math.max(2, text.split('\n').length))}
        value={text}
        onChange={(event) => setText(event.target.value)}
        onKeyDown={onKeyDown}
      />
      <div className="bar">
        <select
          aria-label="Mode"
          className={`pill violet ${pills.mode ? 'changed' : ''}`}
          value={mode}
          onChange={(event) => setPill('mode', event.target.value)}
        >
          <option value="chat">Chat</option>
          <option value="do">Do</option>
        </select>
        <select
          aria-label="Model"
          className={`pill cyan ${pills.model ? 'changed' : ''}`}
          value={model}
          onChange={(event) => setPill('model', event.target.value)}
        >
          {models.some((candidate) => candidate.id === model) ? null : <option value={model}>{model || 'default model'}</option>}
          {models.map((candidate) => (
            <option key={candidate.id} value={candidate.id}>
              {candidate.provider.toUpperCase()} · {candidate.name}
            </option>
          ))}
        </select>
        <select
          aria-label="Permission level"
          className={`pill ${pills.level ? 'changed' : ''}`}
          value={level}
          onChange={(event) => setPill('level', event.target.value)}
        >
          {LEVELS.map(([value, label]) => (
            <option key={value} value={value}>
              {label}
            </option>
          ))}
        </select>
        <span className="grow" />
        {running ? (
          <button type="button" onClick={() => perform('stop')}>
            Stop <kbd>Ctrl .</kbd>
          </button>
        ) : null}
        <button type="submit" className="primary" disabled={!text.trim() || isSending}>
          {running ? 'Queue' : 'Send'} <kbd>Ctrl ↩</kbd>
        </button>
      </div>
    </form>
  );
}
