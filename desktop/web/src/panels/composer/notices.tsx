import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { attachText } from '../../actions/attachments';
import { ActionButton } from '../../actions/button';
import { writeDraft } from '../../actions/composer';
import { slashActions } from '../../actions/slash';
import { sendAsText } from '../../actions/turns';
import { usePage, usePageState } from '../../hooks';
import { MESSAGE_CHARS_MAX, type SendBlock } from '../../sending';
import { draft } from '../../state';
import { useWords } from '../../strings/strings';
import styles from './composer.module.css';

// Why the message cannot be sent now, where a person would not see it otherwise.
export function BlockedNotice({ id, block }: { id: string; block: SendBlock }): ReactNode {
  const page = usePage();
  const words = useWords('composer');
  const count = usePageState((state) => (block === 'too-long' ? draft(state).length : 0));
  if (block === '' || block === 'empty' || block === 'sending') return null;
  const attach = async () => {
    const text = draft(page.state);
    await perform(page, writeDraft, '');
    await perform(page, attachText, text);
  };
  return (
    <p id={id} className={styles.warning} role="status">
      <span className="warn">{block === 'too-long' ? words('blocked.too-long', { most: MESSAGE_CHARS_MAX, count }) : words(`blocked.${block}`)}</span>
      {block === 'too-long' ? (
        <button type="button" onClick={() => void attach()}>
          {words('tooLong')}
        </button>
      ) : null}
    </p>
  );
}

// The message begins with a slash and a word that is no command: it is not sent before a person has said what is meant.
export function UnknownCommandNotice(): ReactNode {
  const page = usePage();
  const words = useWords('composer.unknownCommand');
  const name = usePageState((state) => state.unknownCommand);
  if (!name) return null;
  const known = slashActions.find(({ word }) => word === name.toLowerCase());
  const doIt = async () => {
    await perform(page, writeDraft, '');
    if (known) await perform(page, known.action, undefined);
  };
  return (
    <p className={styles.warning} role="alert">
      <span className="warn">{known ? words('isAction', { name, action: known.action.name }) : words('words', { name })}</span>
      {known ? (
        <button type="button" onClick={() => void doIt()}>
          {words('doIt')}
        </button>
      ) : null}
      <ActionButton action={sendAsText} argument={undefined} />
    </p>
  );
}
