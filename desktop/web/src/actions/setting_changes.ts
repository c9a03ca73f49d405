// Actions that change config.toml through the daemon: single values, model servers, MCP servers, LMX hosts. Each says what it changed.

import type { Page } from '../page';
import type { AddMcpServer, AddProvider, PairLmxHost, ProviderInfo, SettingChange } from '../protocol';
import { foundHostsQuery, SETTINGS, startedQuery, testedQuery } from '../setting_queries';
import { type McpServer, settingRequests as requests } from '../setting_requests';
import type { Action } from './action';

// Show what was changed, and read again what depends on it.
export async function say(page: Page, change: SettingChange): Promise<void> {
  page.set({ settingChange: change, problem: '' });
  await page.queries.invalidateQueries({ queryKey: [SETTINGS] });
}

async function sayOfServers(page: Page, change: SettingChange): Promise<void> {
  await say(page, change);
  await page.queries.invalidateQueries({ queryKey: ['providers'] });
  page.refreshModels();
}

export const setSetting: Action<{ key: string; value: string }> = {
  id: 'settings.set',
  name: 'Set a value of config.toml',
  label: 'Set',
  keys: [],
  when: (_, { key }) => key !== '',
  run: async (page, { key, value }) => sayOfServers(page, await requests.set(page.daemon, key, value)),
};

export const unsetSetting: Action<string> = {
  id: 'settings.unset',
  name: 'Give a value of config.toml its default again',
  label: 'Use the default',
  keys: [],
  when: (_, key) => key !== '',
  run: async (page, key) => sayOfServers(page, await requests.unset(page.daemon, key)),
};

export const addProvider: Action<AddProvider> = {
  id: 'settings.add-provider',
  name: 'Add a model server to the settings',
  label: 'Add the server',
  keys: [],
  when: (_, { name, baseUrl = '', host = '' }) => name !== '' && (baseUrl !== '' || host !== ''),
  run: async (page, wanted) => {
    const added = await page.daemon.addProvider(wanted);
    if (added.change) await sayOfServers(page, added.change);
    await page.queries.invalidateQueries({ queryKey: [SETTINGS] });
    // What was found on this machine is marked as added.
    if (page.state.servers) await page.lookForServers();
  },
};

export const removeProvider: Action<string> = {
  id: 'settings.remove-provider',
  name: 'Remove a model server from the settings',
  label: 'Remove',
  keys: [],
  when: (_, name) => name !== '',
  run: async (page, name) => sayOfServers(page, await page.daemon.removeProvider(name)),
};

export const testProvider: Action<string> = {
  id: 'settings.test-provider',
  name: 'Send a short turn to a model server',
  label: 'Test',
  keys: [],
  when: (_, name) => name !== '',
  run: async (page, name) => void (await page.queries.fetchQuery({ ...testedQuery(page.daemon, name), staleTime: 0 })),
};

// Turns fall back in this order. `by`: -1 is earlier.
export const moveProvider: Action<{ providers: readonly ProviderInfo[]; name: string; by: 1 | -1 }> = {
  id: 'settings.move-provider',
  name: 'Change the order in which turns fall back to model servers',
  label: 'Move',
  keys: [],
  when: (_, { providers, name, by }) => movedOrder(providers, name, by) !== null,
  run: async (page, { providers, name, by }) => {
    const order = movedOrder(providers, name, by);
    if (order) await sayOfServers(page, await requests.set(page.daemon, 'provider-order', order.join(' ')));
  },
};

function movedOrder(providers: readonly ProviderInfo[], name: string, by: 1 | -1): string[] | null {
  // LMX has no place in the order: it is asked for by itself.
  const names = providers.filter((each) => each.name !== 'lmx').map((each) => each.name);
  const at = names.indexOf(name);
  const other = names[at + by];
  if (at < 0 || other === undefined) return null;
  names[at + by] = name;
  names[at] = other;
  return names;
}

export const addMcpServer: Action<AddMcpServer> = {
  id: 'settings.add-mcp',
  name: 'Add an MCP server to the settings',
  label: 'Add the server',
  keys: [],
  when: (_, { name, command = [], url = '' }) => name !== '' && (url !== '' || (command[0] ?? '') !== ''),
  run: async (page, wanted) => say(page, await requests.addServer(page.daemon, wanted)),
};

export const removeMcpServer: Action<string> = {
  id: 'settings.remove-mcp',
  name: 'Remove an MCP server from the settings',
  label: 'Remove',
  keys: [],
  when: (_, name) => name !== '',
  run: async (page, name) => say(page, await requests.removeServer(page.daemon, name)),
};

export const approveMcpServer: Action<{ cwd: string; server: McpServer }> = {
  id: 'settings.approve-mcp',
  name: 'Let an MCP server of a folder start, as it is shown',
  label: 'Let it start',
  keys: [],
  when: (_, { server }) => server.state === 'asks',
  run: async (page, { cwd, server }) => say(page, await requests.approveServer(page.daemon, cwd, server)),
};

export const startMcpServers: Action<string> = {
  id: 'settings.start-mcp',
  name: 'Start the MCP servers and list their tools',
  label: 'Start them and list their tools',
  keys: [],
  when: () => true,
  run: async (page, cwd) => void (await page.queries.fetchQuery({ ...startedQuery(page.daemon, cwd), staleTime: 0 })),
};

export const findLmxHosts: Action = {
  id: 'settings.find-lmx',
  name: 'Look for machines on this network that offer LMX',
  label: 'Look on this network',
  keys: [],
  when: () => true,
  run: async (page) => void (await page.queries.fetchQuery({ ...foundHostsQuery(page.daemon), staleTime: 0 })),
};

export const pairLmxHost: Action<PairLmxHost> = {
  id: 'settings.pair-lmx',
  name: 'Pair with a machine and use its LMX',
  label: 'Pair',
  keys: [],
  when: (_, { host, code }) => host !== '' && /^\d{6}$/.test(code),
  run: async (page, wanted) => sayOfServers(page, await requests.pairHost(page.daemon, wanted)),
};

export const forgetLmxHost: Action<string> = {
  id: 'settings.forget-lmx',
  name: 'Use the LMX of a machine no longer',
  label: 'Remove',
  keys: [],
  when: (_, host) => host !== '',
  run: async (page, host) => sayOfServers(page, await requests.forgetHost(page.daemon, host)),
};

export const checkLmxHosts: Action = {
  id: 'settings.check-lmx',
  name: 'Ask the LMX hosts whether they answer',
  label: 'Check again',
  keys: [],
  when: () => true,
  run: async (page) => page.queries.invalidateQueries({ queryKey: [SETTINGS, 'hosts'] }),
};
