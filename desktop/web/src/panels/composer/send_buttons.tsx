import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { ActionButton } from '../../actions/button';
import { chooseSendKey } from '../../actions/composer';
import { continueTurn, pauseTurn, steerTurn } from '../../actions/steer';
import { stopTurn, submitTurn } from '../../actions/turns';
import { usePage, usePageState } from '../../hooks';
import { enterSends } from '../../state';
import { useWords } from '../../strings/strings';
import { Menu, MenuChoices } from '../../ui/kit/menu';
import { keyName } from '../../ui/keys';
import styles from './composer.module.css';

// Sends the message. While a turn runs, it is a choice: the next turn, or words for this one.
export function SendButtons({ reasonId }: { reasonId: string | undefined }): ReactNode {
  const words = useWords('composer.send');
  const isEnter = usePageState(enterSends);
  const isRunning = usePageState((state) => stopTurn.when(state));
  const isPaused = usePageState((state) => continueTurn.when(state));
  return (
    <span className={styles.send}>
      {isPaused ? <ActionButton action={continueTurn} argument={undefined} /> : null}
      {isRunning && !isPaused ? <ActionButton action={pauseTurn} argument={undefined} /> : null}
      {isRunning ? <ActionButton action={stopTurn} argument={undefined} /> : null}
      {isRunning ? <ActionButton action={steerTurn} argument={undefined} title={words('steerTitle')} /> : null}
      <span className={styles.split}>
        <ActionButton action={submitTurn} argument={undefined} className="primary" title={isRunning ? words('queueTitle') : undefined} shortcut={isEnter ? 'Enter' : undefined} describedBy={reasonId}>
          {isRunning ? words('queue') : undefined}
        </ActionButton>
        <SendKeyMenu />
      </span>
    </span>
  );
}

function SendKeyMenu(): ReactNode {
  const page = usePage();
  const words = useWords('composer.send');
  const isEnter = usePageState(enterSends);
  return (
    <Menu
      side="top"
      align="end"
      trigger={
        <button type="button" className="primary" aria-label={words('options')} title={words('options')}>
          <span aria-hidden="true">▾</span>
        </button>
      }
    >
      <MenuChoices
        label={words('key')}
        value={isEnter ? 'enter' : 'mod'}
        onChoose={(chosen) => void perform(page, chooseSendKey, chosen === 'enter')}
        options={[
          { value: 'mod', label: words('modEnter', { mod: keyName('Mod') }) },
          { value: 'enter', label: words('enter') },
        ]}
      />
    </Menu>
  );
}
