// The settings: a list of sections beside the one that the address names. Each says whom it is for: this browser, or everybody on the machine.

import type { ReactNode } from 'react';
import { perform } from '../../actions/action';
import { openSettings, showSettings } from '../../actions/settings';
import { usePage, usePageState } from '../../hooks';
import { SETTINGS_SECTIONS, type SettingsSection } from '../../routes';
import { useWords } from '../../strings/strings';
import { Button } from '../../ui/kit/button';
import { Sheet } from '../../ui/kit/dialog';
import { Select } from '../../ui/kit/select';
import { Accounts } from './accounts';
import { Appearance } from './appearance';
import { ChangeNote } from './change_note';
import { Extensions } from './extensions';
import { Language } from './language';
import { LmxHosts } from './lmx_hosts';
import { McpServers } from './mcp_servers';
import { Notifications } from './notifications';
import { Permissions } from './permissions';
import { ModelServers } from './providers';
import styles from './settings.module.css';
import { Values } from './values';

const DRAWN: Readonly<Record<SettingsSection, { scope: 'browser' | 'daemon' | 'both' | 'files'; draw: () => ReactNode }>> = {
  appearance: { scope: 'browser', draw: () => <Appearance /> },
  language: { scope: 'browser', draw: () => <Language /> },
  notifications: { scope: 'both', draw: () => <Notifications /> },
  permissions: { scope: 'daemon', draw: () => <Permissions /> },
  providers: { scope: 'daemon', draw: () => <ModelServers /> },
  accounts: { scope: 'daemon', draw: () => <Accounts /> },
  mcp: { scope: 'daemon', draw: () => <McpServers /> },
  lmx: { scope: 'daemon', draw: () => <LmxHosts /> },
  extensions: { scope: 'files', draw: () => <Extensions /> },
  values: { scope: 'daemon', draw: () => <Values /> },
};

export function SettingsSheet(): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const section = usePageState((state) => state.route.settings);
  const close = () => void perform(page, showSettings, undefined);
  return (
    <Sheet isOpen={section !== undefined} onClose={close} title={words('title')} isWide isModal isText>
      <Button size="small" className={styles.close} onClick={close}>
        {words('close')}
      </Button>
      {section ? <Panel section={section} /> : null}
    </Sheet>
  );
}

function Panel({ section }: { section: SettingsSection }): ReactNode {
  const page = usePage();
  const words = useWords('settings');
  const open = (each: SettingsSection) => void perform(page, openSettings, each);
  const { scope, draw } = DRAWN[section];
  return (
    <div className={styles.columns}>
      <nav className={styles.list} aria-label={words('sections')}>
        <ul>
          {SETTINGS_SECTIONS.map((each) => (
            <li key={each}>
              <Button look="quiet" aria-current={each === section ? 'page' : undefined} onClick={() => open(each)}>
                {words(`section.${each}`)}
              </Button>
            </li>
          ))}
        </ul>
      </nav>
      <div className={styles.picker}>
        <Select label={words('sections')} value={section} onChoose={open} options={SETTINGS_SECTIONS.map((each) => ({ value: each, label: words(`section.${each}`) }))} />
      </div>
      <div className={styles.panel} key={section} tabIndex={0} role="group" aria-label={words(`section.${section}`)}>
        <ChangeNote />
        <p className="dim">{words(`scope.${scope}`)}</p>
        {draw()}
      </div>
    </div>
  );
}
