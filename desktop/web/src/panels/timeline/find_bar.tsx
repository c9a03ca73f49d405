import { type KeyboardEvent, type ReactNode, useDeferredValue, useEffect, useMemo, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { closeFind } from '../../actions/timeline';
import { find, type Hit, patternOf } from '../../find';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import type { Transcript } from '../../transcript';
import { IconButton } from '../../ui/kit/button';
import { callRows } from './call_rows';
import { readsKey } from './calls';
import { markWords, rangesOf, unmarkWords } from './marked_words';
import { showStep } from './shown_steps';
import { thinkingKey } from './thinking';
import styles from './find_bar.module.css';

// Frames in which a turn that was scrolled to is drawn and measured.
const DRAWN_FRAMES = 16;

// Finds words in all turns of the session, goes from one hit to the next, and opens what hides it.
export function FindBar({ scroller }: { scroller: HTMLElement }): ReactNode {
  const page = usePage();
  const words = useWords('timeline.find');
  const transcript = usePageState((state) => state.transcript);
  const version = usePageState((state) => state.version);
  const isUnread = usePageState((state) => state.earlier > 0);
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text);
  const found = useMemo(() => find(transcript, wanted), [transcript, version, wanted]);
  const [at, setAt] = useState(-1);
  const input = useRef<HTMLInputElement>(null);
  const { hits, isCut } = found;
  const index = hits.length ? Math.min(Math.max(at, 0), hits.length - 1) : -1;

  useEffect(() => {
    input.current?.focus();
    return unmarkWords;
  }, []);
  // Other words begin at the hit that is nearest to the end, which is where most people look.
  useEffect(() => setAt(hits.length - 1), [wanted]);
  useEffect(() => {
    const hit = hits[index];
    const pattern = patternOf(wanted);
    if (!hit || !pattern) {
      unmarkWords();
      return;
    }
    openTo(page, transcript, hit);
    page.set({ reveal: { at: 'seq', seq: hit.seq, isQuiet: true } });
    return afterFrames(DRAWN_FRAMES, () => mark(scroller, hit, pattern));
  }, [index, wanted, hits[index]?.seq]);

  const step = (by: number) => setAt((index + by + hits.length) % Math.max(1, hits.length));
  const close = () => void perform(page, closeFind, undefined).then(() => scroller.focus({ preventScroll: true }));
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === 'Escape') close();
    else if (event.key === 'Enter' && !event.nativeEvent.isComposing) step(event.shiftKey ? -1 : 1);
    else return;
    event.preventDefault();
    event.stopPropagation();
  };
  return (
    <search className={styles.bar} aria-label={words('label')} onKeyDown={onKeyDown}>
      <input ref={input} data-focus="find" type="text" aria-label={words('placeholder')} placeholder={words('placeholder')} value={text} onChange={(event) => setText(event.target.value)} />
      <span className={styles.count} role="status">
        {wanted.trim() ? (index < 0 ? words('none') : words('found', { at: index + 1, count: hits.length, more: String(isCut) })) : ''}
        {isUnread ? ` ${words('unread')}` : ''}
      </span>
      <IconButton label={words('previous')} size="small" disabled={!hits.length} onClick={() => step(-1)}>
        ↑
      </IconButton>
      <IconButton label={words('next')} size="small" disabled={!hits.length} onClick={() => step(1)}>
        ↓
      </IconButton>
      <IconButton label={words('close')} size="small" onClick={close}>
        ✕
      </IconButton>
    </search>
  );
}

// What is folded is opened where it holds the hit.
function openTo(page: ReturnType<typeof usePage>, transcript: Transcript, hit: Hit): void {
  const turn = transcript.turns.find((each) => each.id === hit.turn);
  const at = turn?.steps.findIndex((step) => step.step === hit.step) ?? -1;
  const step = turn?.steps[at];
  if (!turn || !step) return;
  const key = (name: string) => `${page.state.selected}/${name}`;
  showStep(page.kept, page.state.selected, turn, at);
  if (hit.part === 'thinking') page.kept.setOpen(key(thinkingKey(turn.id, step)), true);
  if (hit.part !== 'call') return;
  const row = callRows(step.calls).find((each) => each.kind === 'reads' && each.calls.some((call) => call.id === hit.call));
  if (row?.kind === 'reads') page.kept.setOpen(key(readsKey(row.calls)), true);
  page.kept.setOpen(key(hit.call), true);
}

function mark(timeline: HTMLElement, hit: Hit, pattern: RegExp): void {
  const turn = timeline.querySelector(`[data-turn="${CSS.escape(hit.turn)}"]`);
  const all = [...timeline.querySelectorAll('[data-turn]')].flatMap((each) => rangesOf(each, pattern));
  const part = turn && partOf(turn, hit);
  const ranges = part ? rangesOf(part, pattern) : [];
  // What is drawn may have fewer than the text: Markdown hides its signs.
  const current = ranges[Math.min(hit.nth, ranges.length - 1)];
  markWords(all, current);
  const box = current?.getBoundingClientRect() ?? part?.getBoundingClientRect();
  const view = timeline.getBoundingClientRect();
  if (box && (box.top < view.top + 60 || box.bottom > view.bottom - 20)) timeline.scrollTop += box.top - view.top - view.height / 3;
}

function partOf(turn: Element, hit: Hit): Element | null {
  if (hit.part === 'prompt') return turn.querySelector('[data-part="prompt"]');
  const step = turn.querySelector(`[data-step="${hit.step}"]`);
  if (hit.part === 'call') return turn.querySelector(`[data-call="${CSS.escape(hit.call)}"]`);
  return (hit.part === 'answer' ? step?.querySelector('[data-part="answer"]') : step) ?? turn;
}

function afterFrames(frames: number, run: () => void): () => void {
  let frame = 0;
  const next = (left: number) => {
    frame = requestAnimationFrame(() => (left ? next(left - 1) : run()));
  };
  next(frames);
  return () => cancelAnimationFrame(frame);
}
