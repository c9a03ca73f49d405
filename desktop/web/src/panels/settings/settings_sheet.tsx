// The settings: how this page looks, and what the daemon keeps for everybody who uses it.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { showSettings } from '../../actions/settings';
import { usePage, usePageState } from '../../hooks';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import { Accounts } from './accounts';
import { Appearance } from './appearance';
import { Grants } from './grants';
import { Providers } from './providers';
import styles from './settings.module.css';

export function SettingsSheet(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const isOpen = usePageState((state) => state.areSettingsShown);
  const close = () => void perform(page, showSettings, undefined);
  return (
    <Sheet isOpen={isOpen} onClose={close} title={words('title')} isWide isModal isText>
      <Button size="small" className={styles.close} onClick={close}>
        {words('close')}
      </Button>
      {isOpen ? (
        <div className={styles.panel}>
          <Appearance />
          <Grants />
          <Accounts />
          <Providers />
        </div>
      ) : null}
    </Sheet>
  );
}
