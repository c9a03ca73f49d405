// A section of the settings on a bench, with the answers that it reads.

import type { UserEvent } from '@testing-library/user-event';
import { screen, within } from '@testing-library/react';
import { perform } from '../actions/action';
import { openSettings } from '../actions/settings';
import { SettingsSheet } from '../panels/settings/settings_sheet';
import type { SettingChange, SettingInfo } from '../protocol';
import type { SettingsSection } from '../routes';
import type { TestBench } from './page';

export const FILE = '/home/ada/.config/opta/config.toml';

// A value as the daemon lists it.
export function settingInfo(key: string, value: string, more: Partial<SettingInfo> = {}): SettingInfo {
  return { key, value, origin: 'default', applies: 'now', services: [], ...more };
}

export function settingChange(key: string, old: string, now: string, more: Partial<SettingChange> = {}): SettingChange {
  return { file: FILE, key, old, new: now, applies: 'turn', services: [], note: '', ok: true, ...more };
}

const ANSWERS: Readonly<Record<string, unknown>> = {
  'GET /v3/config': { file: FILE, settings: [] },
  'GET /v3/grants': { grants: [] },
  'GET /v3/accounts': { accounts: [] },
  'GET /v3/providers': { providers: [] },
  'GET /v3/policy/layers': { folder: '', trust: 'untrusted', layers: [], problems: [] },
  'GET /v3/trust/folders': { file: '/home/ada/trust.json', folders: [] },
  'GET /v3/mcp': { servers: [], problems: [] },
  'GET /v3/lmx/hosts': { file: FILE, hosts: [] },
  'GET /v3/hooks': { hooks: [], file: FILE, folder: '/home/ada/.config/opta/hooks' },
  'GET /v3/skills': { skills: [], problems: [], folder: '/home/ada/.config/opta/skills' },
};

export async function openSection(bench: TestBench, section: SettingsSection, answers: Readonly<Record<string, unknown>> = {}): Promise<UserEvent> {
  Object.assign(bench.gateway.answers, ANSWERS, answers);
  const user = bench.draw(<SettingsSheet />);
  await bench.start();
  await perform(bench.page, openSettings, section);
  await bench.pass();
  return user;
}

export const region = (name: string) => within(screen.getByRole('region', { name }));

// The requests of a method: path and body.
export function sent(bench: TestBench, method: string): [path: string, body: Record<string, unknown>][] {
  return bench.gateway.requests.filter((request) => request.method === method).map(({ path, body }) => [path, body]);
}
