// Actions on what is kept: by the page in this browser, by the daemon for everybody.

import type { Action } from './action';

export const showSettings: Action = {
  id: 'settings.show',
  name: 'Show the settings: appearance, what is always allowed, keys, model servers',
  label: 'Settings',
  keys: ['Mod+,', 'Alt+,'],
  when: () => true,
  run: (page) => page.set({ areSettingsShown: !page.state.areSettingsShown }),
};

export const revokeGrant: Action<string> = {
  id: 'settings.revoke',
  name: 'Ask again about something that was always allowed',
  label: 'Revoke',
  keys: [],
  when: (_, id) => id !== '',
  run: async (page, id) => {
    await page.daemon.revoke(id);
    await page.queries.invalidateQueries({ queryKey: ['settings', 'grants'] });
  },
};

export const storeAccount: Action<{ name: string; key: string }> = {
  id: 'settings.store-account',
  name: 'Store the key of a provider',
  label: 'Store the key',
  keys: [],
  when: (_, { name, key }) => name.trim() !== '' && key.trim() !== '',
  run: async (page, { name, key }) => {
    await page.daemon.storeAccount(name.trim(), key.trim());
    await page.queries.invalidateQueries({ queryKey: ['settings', 'accounts'] });
  },
};

export const removeAccount: Action<string> = {
  id: 'settings.remove-account',
  name: 'Remove the key of a provider',
  label: 'Remove',
  keys: [],
  when: (_, name) => name !== '',
  run: async (page, name) => {
    await page.daemon.removeAccount(name);
    await page.queries.invalidateQueries({ queryKey: ['settings', 'accounts'] });
  },
};

export const removeProvider: Action<string> = {
  id: 'settings.remove-provider',
  name: 'Remove a model server from the settings',
  label: 'Remove',
  keys: [],
  when: (_, name) => name !== '',
  run: async (page, name) => {
    await page.daemon.removeProvider(name);
    await page.queries.invalidateQueries({ queryKey: ['providers'] });
    page.refreshModels();
  },
};
