// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { openSection, region, sent, settingChange } from '../../testing/settings';

const bench = testBench();

const OURS = { name: 'files', origin: 'user', command: ['npx', 'server files', '--root'], url: '', says: 'run npx', state: 'approved', sha256: 'ab'.repeat(32), network: false, env: ['TOKEN'] };
const THEIRS = { name: 'db', origin: 'project', command: ['./db\u202E'], url: '', says: 'run ./db with A=evil in its environment', state: 'asks', sha256: 'cd'.repeat(32), network: false, env: ['A'] };

test('an MCP server is shown word by word before it is approved, and as the definition that was shown', async () => {
  bench.gateway.addSession({ cwd: '/work' });
  const user = await openSection(bench, 'mcp', { 'GET /v3/mcp': { servers: [OURS, THEIRS], problems: [] }, 'POST /v3/mcp/approve': settingChange('/work: db', '', 'approved as cdcd') });
  const servers = region('MCP servers');
  expect(servers.getByText('server files')).toBeTruthy();
  expect(servers.getByText(/A=evil/)).toBeTruthy();
  expect(servers.getByText('With these variables: TOKEN')).toBeTruthy();
  expect(servers.queryByRole('button', { name: 'Remove the MCP server db' })).toBeNull();
  await user.click(servers.getByRole('button', { name: 'Let db start' }));
  await bench.pass();
  expect(sent(bench, 'POST')).toEqual([['/v3/mcp/approve', { cwd: '/work', name: 'db', sha256: THEIRS.sha256 }]]);
});

test('tools are listed after a person has started the servers, and what could not start is said', async () => {
  const user = await openSection(bench, 'mcp', { 'GET /v3/mcp': { servers: [OURS], problems: [] } });
  bench.gateway.answers['GET /v3/mcp'] = { servers: [OURS], problems: ['the MCP server db could not be used: it ended'], offers: { files: { tools: 1 } }, tools: [{ name: 'mcp__files__read', description: 'Reads.\nMore', server: 'files' }] };
  await user.click(screen.getByRole('button', { name: 'Start them and list their tools' }));
  await bench.pass();
  expect(screen.getByText('mcp__files__read')).toBeTruthy();
  expect(screen.getByRole('alert').textContent).toContain('could not be used: it ended');
  expect(screen.getByText(/· 1 tool$/)).toBeTruthy();
});

test('what a new MCP server will run is shown word by word, and its secret is in no field afterwards', async () => {
  const user = await openSection(bench, 'mcp', { 'POST /v3/mcp/servers': settingChange('mcp.servers.files', '', 'run npx') });
  const form = region('Add an MCP server');
  await user.type(form.getByLabelText('Name'), 'files');
  await user.type(form.getByLabelText(/^Program/), 'npx');
  await user.type(form.getByLabelText(/^Arguments/), 'server-files{Enter}/my files');
  await user.type(form.getByLabelText('Variable'), 'TOKEN');
  const value = form.getByLabelText<HTMLInputElement>('Its value');
  expect(value.type).toBe('password');
  await user.type(value, 'hush');
  expect(form.getByText('Will run exactly').parentElement?.textContent).toContain('npxserver-files/my files');
  await user.click(form.getByRole('button', { name: 'Add the server' }));
  await bench.pass();
  expect(sent(bench, 'POST')).toEqual([['/v3/mcp/servers', { name: 'files', command: ['npx', 'server-files', '/my files'], env: { TOKEN: 'hush' } }]]);
  expect(document.body.innerHTML.includes('hush')).toBe(false);
});

test('a server of the user is removed after a second word', async () => {
  const user = await openSection(bench, 'mcp', { 'GET /v3/mcp': { servers: [OURS], problems: [] }, 'DELETE /v3/mcp/servers/files': settingChange('mcp.servers.files', 'run npx', '') });
  await user.click(screen.getByRole('button', { name: 'Remove the MCP server files' }));
  await user.click(screen.getByRole('button', { name: /^Remove it: its tools/ }));
  await bench.pass();
  expect(sent(bench, 'DELETE').map(([path]) => path)).toEqual(['/v3/mcp/servers/files']);
});

test('an LMX host says whether it answers and is paired; another is paired with by its code, which stays in no field', async () => {
  const user = await openSection(bench, 'lmx', {
    'GET /v3/lmx/hosts': { file: '', hosts: [{ host: 'studio:1234', role: 'main', healthy: false, reason: 'It does not answer: refused', isPaired: false }] },
    'GET /v3/lmx/hosts/find': { hosts: [{ name: 'attic', host: '10.0.0.2:1234', fingerprint: 'ef'.repeat(32) }] },
    'POST /v3/lmx/hosts': settingChange('lmx.host', 'studio:1234', '10.0.0.2:1234'),
    'DELETE /v3/lmx/hosts': settingChange('lmx.host', 'studio:1234', ''),
  });
  const hosts = region('LMX hosts');
  expect(hosts.getByRole('listitem').textContent).toContain('It does not answer: refused');
  expect(hosts.getByText(/^not paired: without TLS/)).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Look on this network' }));
  await bench.pass();
  await user.click(screen.getByRole('button', { name: 'Pair with 10.0.0.2:1234' }));
  const code = screen.getByLabelText<HTMLInputElement>('Code (six digits)');
  await user.type(code, '12345');
  expect(screen.getByRole<HTMLButtonElement>('button', { name: 'Pair' }).disabled).toBe(true);
  await user.type(code, '6');
  expect(screen.getByText('It becomes the main LMX in the place of studio:1234.')).toBeTruthy();
  await user.click(screen.getByRole('button', { name: 'Pair' }));
  await bench.pass();
  expect(sent(bench, 'POST')).toEqual([['/v3/lmx/hosts', { host: '10.0.0.2:1234', code: '123456' }]]);
  expect(code.value).toBe('');
  await user.click(screen.getByRole('button', { name: 'Remove the host studio:1234' }));
  await user.click(screen.getByRole('button', { name: /^Remove it: its certificate/ }));
  await bench.pass();
  expect(sent(bench, 'DELETE').map(([path]) => path)).toEqual(['/v3/lmx/hosts']);
});
