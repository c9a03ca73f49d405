// Actions on the sheet of settings, and on what the daemon keeps for everybody: grants, trust, keys.

import { type SettingsSection, withSettings } from '../routes';
import { settingRequests as requests } from '../setting_requests';
import type { Action } from './action';
import { say } from './setting_changes';

export const showSettings: Action = {
  id: 'settings.show',
  name: 'Show the settings: appearance, permissions, keys, model servers, MCP servers',
  label: 'Settings',
  keys: ['Mod+,', 'Alt+,'],
  when: () => true,
  run: (page) => page.set({ route: withSettings(page.state.route, page.state.route.settings ? undefined : 'appearance'), settingChange: null }),
};

export const openSettings: Action<SettingsSection> = {
  id: 'settings.section',
  name: 'Show a section of the settings',
  label: 'Section',
  keys: [],
  when: () => true,
  run: (page, section) => page.set({ route: withSettings(page.state.route, section), settingChange: null }),
};

const NAMES: Readonly<Record<SettingsSection, string>> = {
  appearance: 'appearance, density, size of the text, motion, scrolling',
  language: 'language',
  notifications: 'notifications',
  permissions: 'rules, what is always allowed, trusted folders',
  providers: 'model servers, their order and sampling',
  accounts: 'keys of providers',
  mcp: 'MCP servers and their tools',
  lmx: 'machines that serve models (LMX)',
  extensions: 'hooks and skills',
  values: 'all values of config.toml',
};

// One action a section, so that the palette finds it.
export const settingsSections: readonly Action[] = (Object.keys(NAMES) as SettingsSection[]).map((section) => ({
  id: `settings.section.${section}`,
  name: `Settings: ${NAMES[section]}`,
  label: NAMES[section],
  keys: [],
  when: () => true,
  run: (page) => openSettings.run(page, section),
}));

export const forgetChange: Action = {
  id: 'settings.forget-change',
  name: 'Close what was said about the last change',
  label: 'Close',
  keys: [],
  when: (state) => state.settingChange !== null,
  run: (page) => page.set({ settingChange: null }),
};

export const revokeGrant: Action<string> = {
  id: 'settings.revoke',
  name: 'Ask again about something that was always allowed',
  label: 'Revoke',
  keys: [],
  when: (_, id) => id !== '',
  run: async (page, id) => say(page, await page.daemon.revoke(id)),
};

export const withdrawTrust: Action<string> = {
  id: 'settings.withdraw-trust',
  name: 'Stop trusting a folder',
  label: 'Stop trusting',
  keys: [],
  when: (_, path) => path !== '',
  run: async (page, path) => {
    await say(page, await requests.withdrawTrust(page.daemon, path));
    // The card of the open session asks again.
    if (page.state.transcript.cwd) await page.readTrust(page.state.transcript.cwd);
  },
};

export const storeAccount: Action<{ name: string; key: string }> = {
  id: 'settings.store-account',
  name: 'Store the key of a provider',
  label: 'Store the key',
  keys: [],
  when: (_, { name, key }) => name.trim() !== '' && key.trim() !== '',
  run: async (page, { name, key }) => say(page, await page.daemon.storeAccount(name.trim(), key.trim())),
};

export const removeAccount: Action<string> = {
  id: 'settings.remove-account',
  name: 'Remove the key of a provider',
  label: 'Remove',
  keys: [],
  when: (_, name) => name !== '',
  run: async (page, name) => say(page, await page.daemon.removeAccount(name)),
};
