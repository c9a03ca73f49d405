// @vitest-environment jsdom

import { screen } from '@testing-library/react';
import { expect, test } from 'vitest';
import { testBench } from '../../testing/page';
import { openSection, region, sent, settingChange } from '../../testing/settings';

const bench = testBench();

test('what is always allowed is shown with nothing hidden, and revoked', async () => {
  const user = await openSection(bench, 'permissions', {
    'GET /v3/grants': { grants: [{ id: 'g1', tool: 'run_command', cwd: '/work', label: 'npm', words: 'npm test \u202Egpj' }] },
    'DELETE /v3/grants/g1': settingChange('g1', 'npm test', ''),
  });
  const grants = region('What is always allowed');
  expect(grants.getByRole('listitem').textContent).toContain('npm test \\u202egpj');
  bench.gateway.answers['GET /v3/grants'] = { grants: [] };
  await user.click(grants.getByRole('button', { name: /^Revoke: npm test/ }));
  await bench.pass();
  expect(sent(bench, 'DELETE').map(([path]) => path)).toEqual(['/v3/grants/g1']);
  expect(grants.getByText(/^Nothing is always allowed/)).toBeTruthy();
});

test('rules are listed by layer with file and line, and what is wrong in a file is said with its fix', async () => {
  bench.gateway.addSession({ cwd: '/work' });
  await openSection(bench, 'permissions', {
    'GET /v3/policy/layers': {
      folder: '/work',
      trust: 'changed',
      layers: [
        { name: 'hard', rules: [{ words: 'Never allow: writes of .git.', effect: 'deny' }] },
        { name: 'user', rules: [{ words: 'Allow without asking: the command `npm test`.', effect: 'allow', file: '/home/ada/p/a.yaml', line: 3, note: 'tests' }], files: ['/home/ada/p/a.yaml'], isFound: true },
        { name: 'project', rules: [], files: ['/work/.opta/policy.yaml'], isFound: true, isBroken: true },
      ],
      problems: [{ file: '/work/.opta/policy.yaml', line: 7, message: "effect is allow, ask or deny, not 'never'", fix: 'fix that line' }],
    },
  });
  const rules = region('Rules by layer');
  expect(rules.getAllByRole('heading', { level: 4 }).map((each) => each.textContent)).toEqual(['What is wrong in the files', 'Built in, always', 'Yours', 'Project']);
  expect(rules.getByText(/npm test/).closest('li')?.textContent).toContain('a.yaml:3');
  expect(rules.getByRole('alert').textContent).toContain("/work/.opta/policy.yaml:7 effect is allow, ask or deny, not 'never' fix that line");
  expect(rules.getByText(/have changed since it was trusted/)).toBeTruthy();
  // Rules are text in files: nothing here changes one.
  expect(rules.queryAllByRole('textbox')).toEqual([]);
});

test('a trusted folder says whether it still counts, and trust is withdrawn after a second word', async () => {
  const user = await openSection(bench, 'permissions', {
    'GET /v3/trust/folders': {
      file: '/home/ada/trust.json',
      folders: [
        { path: '/work', state: 'trusted', since: '2026-11-01T00:00:00Z', files: ['.opta/policy.yaml'] },
        { path: '/old', state: 'changed', since: '', files: [] },
      ],
    },
    'DELETE /v3/trust': settingChange('/work', 'trusted', ''),
  });
  const trusted = region('Trusted folders');
  expect(trusted.getByText(/its files have changed, so nothing of it counts/)).toBeTruthy();
  await user.click(trusted.getByRole('button', { name: 'Stop trusting /work' }));
  expect(sent(bench, 'DELETE')).toEqual([]);
  await user.click(trusted.getByRole('button', { name: /^Stop trusting: its rules/ }));
  await bench.pass();
  expect(sent(bench, 'DELETE').map(([path]) => path)).toEqual(['/v3/trust']);
  expect(screen.getByText(/removed, it was/)).toBeTruthy();
});
