// What the settings ask the daemon, beside what `Daemon` asks for other panels, too. Every change answers with what it changed.

import type { Daemon } from './daemon';
import type { AddMcpServer, FoundLmxHosts, HookList, LmxHosts, PairLmxHost, PolicyLayers, ProviderTested, SettingChange, SettingList, SkillList, TrustedFolders } from './protocol';

// An MCP server as the daemon lists it. `says`: what starting it does; `sha256` names this definition; `env`: names of variables alone.
export interface McpServer {
  name: string;
  origin: 'user' | 'project' | 'builtin';
  command: string[];
  url: string;
  says: string;
  state: 'approved' | 'asks';
  sha256: string;
  network: boolean;
  env: string[];
}

export interface McpTool {
  name: string;
  description: string;
  server: string;
}

// `offers` and `tools` are there after the servers were started.
export interface McpLook {
  servers: McpServer[];
  problems: string[];
  offers?: Record<string, { tools: number }>;
  tools?: McpTool[];
}

const inFolder = (cwd: string) => (cwd ? `cwd=${encodeURIComponent(cwd)}` : '');

export const settingRequests = {
  values: (daemon: Daemon): Promise<SettingList> => daemon.ask('GET', '/v3/config'),
  set: (daemon: Daemon, key: string, value: string): Promise<SettingChange> => daemon.ask('PUT', '/v3/config', { key, value }),
  unset: (daemon: Daemon, key: string): Promise<SettingChange> => daemon.ask('DELETE', `/v3/config?key=${encodeURIComponent(key)}`),

  layers: (daemon: Daemon, cwd: string): Promise<PolicyLayers> => daemon.ask('GET', `/v3/policy/layers?${inFolder(cwd)}`),
  trusted: (daemon: Daemon): Promise<TrustedFolders> => daemon.ask('GET', '/v3/trust/folders'),
  withdrawTrust: (daemon: Daemon, path: string): Promise<SettingChange> => daemon.ask('DELETE', `/v3/trust?${inFolder(path)}`),

  // A real turn of a few words.
  test: (daemon: Daemon, name: string, model = ''): Promise<ProviderTested> => daemon.ask('POST', '/v3/providers/test', { name, ...(model ? { model } : {}) }),

  servers: (daemon: Daemon, cwd: string): Promise<McpLook> => daemon.ask('GET', `/v3/mcp?${inFolder(cwd)}`),
  startServers: (daemon: Daemon, cwd: string): Promise<McpLook> => daemon.ask('GET', `/v3/mcp?look=1&${inFolder(cwd)}`),
  addServer: (daemon: Daemon, wanted: AddMcpServer): Promise<SettingChange> => daemon.ask('POST', '/v3/mcp/servers', wanted),
  removeServer: (daemon: Daemon, name: string): Promise<SettingChange> => daemon.ask('DELETE', `/v3/mcp/servers/${encodeURIComponent(name)}`),
  approveServer: (daemon: Daemon, cwd: string, { name, sha256 }: McpServer): Promise<SettingChange> => daemon.ask('POST', '/v3/mcp/approve', { cwd, name, sha256 }),

  hosts: (daemon: Daemon): Promise<LmxHosts> => daemon.ask('GET', '/v3/lmx/hosts'),
  findHosts: (daemon: Daemon): Promise<FoundLmxHosts> => daemon.ask('GET', '/v3/lmx/hosts/find'),
  pairHost: (daemon: Daemon, wanted: PairLmxHost): Promise<SettingChange> => daemon.ask('POST', '/v3/lmx/hosts', wanted),
  forgetHost: (daemon: Daemon, host: string): Promise<SettingChange> => daemon.ask('DELETE', `/v3/lmx/hosts?host=${encodeURIComponent(host)}`),

  hooks: (daemon: Daemon): Promise<HookList> => daemon.ask('GET', '/v3/hooks'),
  skills: (daemon: Daemon, cwd: string): Promise<SkillList> => daemon.skills(cwd),
};
