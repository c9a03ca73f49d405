import { type ClipboardEvent, type ReactNode, useEffect, useId, useState } from 'react';
import { perform } from '../../actions/action';
import { attachFiles, attachText } from '../../actions/attachments';
import { toggleWorktree } from '../../actions/worktrees';
import { PASTED_CHARS_MAX } from '../../attached';
import { usePage, usePageState } from '../../hooks';
import { sendBlock } from '../../sending';
import { useWords } from '../../strings/strings';
import { classes } from '../../ui/kit/classes';
import { Attachments } from './attachments';
import styles from './composer.module.css';
import { ContextMeter, ContextWarning } from './context_meter';
import { LevelPill } from './level_pill';
import { MessageField } from './message_field';
import { ModePill } from './mode_pill';
import { ModelPill } from './model_pill';
import { BlockedNotice, UnknownCommandNotice } from './notices';
import { PlanAnswer } from './plan_answer';
import { SendButtons } from './send_buttons';
import { WaitingWords } from './waiting_words';
import { ActionLabel } from '../../actions/action_words';
import { useActionWords } from '../../actions/words';

// The next message: its text and files, what it runs with, and the buttons that send it or stop the running turn.
export function Composer(): ReactNode {
  const page = usePage();
  const words = useWords('composer');
  const block = usePageState(sendBlock);
  const reasonId = useId();
  const isOver = useDroppedFiles();
  const paste = (event: ClipboardEvent) => {
    // A field within the composer, such as that of a waiting message, takes its text itself.
    const isMessage = event.target instanceof HTMLElement && event.target.dataset.focus === 'composer';
    const files = [...event.clipboardData.files];
    const text = isMessage && !files.length ? event.clipboardData.getData('text/plain') : '';
    if (!files.length && text.length <= PASTED_CHARS_MAX) return;
    event.preventDefault();
    void (files.length ? perform(page, attachFiles, files) : perform(page, attachText, text));
  };
  return (
    <div className={classes(styles.composer, isOver && styles.over)} role="group" aria-label={words('label')} data-scope="composer" onPaste={paste}>
      <WaitingWords />
      <PlanAnswer />
      <Attachments />
      {isOver ? <p className="cyan">{words('files.drop')}</p> : null}
      <MessageField />
      <UnknownCommandNotice />
      <BlockedNotice id={reasonId} block={block} />
      <ContextWarning />
      <div className={styles.bar}>
        <span className={styles.pills}>
          <ModePill />
          <ModelPill />
          <LevelPill />
          <FileButton />
        </span>
        <WorktreeSwitch />
        <span className="grow" />
        <ContextMeter />
        <SendButtons reasonId={block === '' || block === 'empty' || block === 'sending' ? undefined : reasonId} />
      </div>
    </div>
  );
}

// Files go to the message wherever on the page they are dropped: a browser would leave the page for them. Whether some are held over it.
function useDroppedFiles(): boolean {
  const page = usePage();
  const [isOver, setOver] = useState(false);
  useEffect(() => {
    const hasFiles = (event: DragEvent) => event.dataTransfer?.types?.includes('Files') ?? false;
    const over = (event: DragEvent) => {
      if (!hasFiles(event)) return;
      event.preventDefault();
      setOver(true);
    };
    const leave = (event: DragEvent) => {
      // Out of the window, not from one element to another.
      if (event.relatedTarget === null) setOver(false);
    };
    const drop = (event: DragEvent) => {
      setOver(false);
      if (!hasFiles(event)) return;
      event.preventDefault();
      void perform(page, attachFiles, [...(event.dataTransfer?.files ?? [])]);
    };
    window.addEventListener('dragover', over);
    window.addEventListener('dragleave', leave);
    window.addEventListener('drop', drop);
    return () => {
      window.removeEventListener('dragover', over);
      window.removeEventListener('dragleave', leave);
      window.removeEventListener('drop', drop);
    };
  }, [page]);
  return isOver;
}

function FileButton(): ReactNode {
  const page = usePage();
  const words = useWords('composer.files');
  return (
    <label className={classes(styles.pill, styles.choose)} title={words('choose')}>
      <span aria-hidden="true">+</span>
      <input
        type="file"
        multiple
        aria-label={words('choose')}
        onChange={(event) => {
          void perform(page, attachFiles, [...(event.target.files ?? [])]);
          event.target.value = '';
        }}
      />
    </label>
  );
}

// For a session that has not begun: whether it works in a git worktree.
function WorktreeSwitch(): ReactNode {
  const page = usePage();
  const isOffered = usePageState((state) => toggleWorktree.when(state));
  const isOn = usePageState((state) => state.wantsWorktree);
  const { name } = useActionWords(toggleWorktree);
  if (!isOffered) return null;
  return (
    <label className={classes(styles.pill, styles.switch, isOn && styles.overridden)} title={name}>
      <input type="checkbox" checked={isOn} onChange={() => void perform(page, toggleWorktree, undefined)} /> <ActionLabel action={toggleWorktree} />
    </label>
  );
}
