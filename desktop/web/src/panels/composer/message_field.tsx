import { type KeyboardEvent, type ReactNode, useId, useLayoutEffect, useRef, useState } from 'react';
import { perform } from '../../actions/action';
import { recallNewer, recallOlder, writeDraft } from '../../actions/composer';
import { isTaken } from '../../actions/chord';
import { submitTurn } from '../../actions/turns';
import { usePage, usePageState } from '../../hooks';
import { draft, enterSends } from '../../state';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import styles from './composer.module.css';
import { optionId, SuggestionList } from './suggestion_list';
import { type Suggestion, take, useSuggestions } from './suggestions';
import { wordAt } from './word_at';

// The height of a longer text is not measured with each key: it is as high as it may be.
const MEASURED_CHARS_MAX = 10_000;
const GROWS_BY_ITSELF = typeof CSS !== 'undefined' && (CSS.supports?.('field-sizing', 'content') ?? false);

// The text of the next message, with what is completed in it.
export function MessageField(): ReactNode {
  const page = usePage();
  const words = useWords('composer');
  const text = usePageState(draft);
  const selected = usePageState((state) => state.selected);
  const isEnter = usePageState(enterSends);
  const field = useRef<HTMLTextAreaElement>(null);
  const listId = useId();
  const [caret, setCaret] = useState(0);
  const [isFocused, setFocused] = useState(false);
  const [active, setActive] = useState(0);
  // The completed word whose list was closed with Escape: it stays closed until another word begins.
  const [closed, setClosed] = useState('');
  const nextCaret = useRef<number | null>(null);
  const word = wordAt(text, Math.min(caret, text.length));
  const wordKey = word ? `${selected} ${word.kind} ${word.from}` : '';
  const open = word !== null && closed !== wordKey && isFocused ? word : null;
  const suggestions = useSuggestions(open);
  const { items } = suggestions;
  const at = Math.min(active, items.length - 1);
  const isLong = text.length > MEASURED_CHARS_MAX;

  useLayoutEffect(() => {
    const element = field.current;
    if (!element) return;
    if (nextCaret.current !== null) element.setSelectionRange(nextCaret.current, nextCaret.current);
    nextCaret.current = null;
    if (GROWS_BY_ITSELF) return;
    element.style.height = 'auto';
    if (!isLong) element.style.height = `${element.scrollHeight}px`;
  }, [text, isLong]);

  // Another session: its text is selected as it was left.
  useLayoutEffect(() => {
    const writing = page.kept.writing(selected);
    if (writing) field.current?.setSelectionRange(writing.from, writing.to);
  }, [page, selected]);

  const keep = (element: HTMLTextAreaElement, hasFocus: boolean) => page.kept.setWriting(selected, { from: element.selectionStart, to: element.selectionEnd, hasFocus });

  const taken = (suggestion: Suggestion) => {
    if (!open) return;
    nextCaret.current = take(page, text, open, suggestion);
    setCaret(nextCaret.current);
    setActive(0);
  };

  const onKeyDown = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    if (isTaken({ isComposing: event.nativeEvent.isComposing, keyCode: event.keyCode })) return;
    const isPlain = !event.ctrlKey && !event.metaKey && !event.altKey && !event.shiftKey;
    if (!isPlain) return;
    if (open && event.key === 'Escape') {
      event.preventDefault();
      event.stopPropagation();
      setClosed(wordKey);
    } else if (open && items.length && (event.key === 'ArrowDown' || event.key === 'ArrowUp')) {
      event.preventDefault();
      setActive((at + (event.key === 'ArrowDown' ? 1 : items.length - 1)) % items.length);
    } else if (open && items[at] && (event.key === 'Enter' || event.key === 'Tab')) {
      event.preventDefault();
      if (!event.repeat) taken(items[at]);
    } else if (event.key === 'Enter' && isEnter) {
      event.preventDefault();
      if (!event.repeat) void perform(page, submitTurn, undefined);
    } else if (event.key === 'ArrowUp' || event.key === 'ArrowDown') recall(event);
  };

  // Only from an end of the text, so that the arrow keys still move in it.
  const recall = (event: KeyboardEvent<HTMLTextAreaElement>) => {
    const { selectionStart, selectionEnd } = event.currentTarget;
    const isAtEnd = selectionStart === selectionEnd && (selectionStart === 0 || selectionStart === text.length);
    const action = event.key === 'ArrowUp' ? recallOlder : recallNewer;
    if (!isAtEnd || !action.when(page.state)) return;
    event.preventDefault();
    void perform(page, action, undefined);
    nextCaret.current = draft(page.state).length;
    setCaret(nextCaret.current);
    // An old command is not completed again.
    setClosed(`${selected} command 0`);
  };

  return (
    <>
      {open ? <SuggestionList id={listId} label={words(open.kind === 'file' ? 'suggestions.files' : 'suggestions.commands')} suggestions={suggestions} active={Math.max(0, at)} onTake={taken} onMove={setActive} /> : null}
      <textarea
        ref={field}
        className={classes(styles.field, isLong && styles.long)}
        aria-label={words('message')}
        aria-autocomplete="list"
        aria-controls={open && items.length ? listId : undefined}
        aria-activedescendant={open && items.length ? optionId(listId, at) : undefined}
        placeholder={words('placeholder')}
        data-focus="composer"
        rows={2}
        value={text}
        onKeyDown={onKeyDown}
        onFocus={() => setFocused(true)}
        onBlur={(event) => {
          setFocused(false);
          keep(event.currentTarget, !event.relatedTarget?.closest('main'));
        }}
        onSelect={(event) => {
          setCaret(event.currentTarget.selectionStart);
          keep(event.currentTarget, true);
        }}
        onChange={(event) => {
          const { value, selectionStart } = event.target;
          void perform(page, writeDraft, value);
          setCaret(selectionStart);
          setActive(0);
          if (wordAt(value, selectionStart) === null) setClosed('');
        }}
      />
    </>
  );
}
