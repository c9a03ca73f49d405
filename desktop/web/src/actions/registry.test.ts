import { expect, test } from 'vitest';
import type { Action } from './action';
import { problemOf } from './chord';
import { conflicts } from './keymap';
import { actions } from './registry';

test('no two actions share an id, or a key where both work', () => {
  const ids = actions.map(({ id }) => id);
  expect(new Set(ids).size).toBe(ids.length);
  const clashes = actions.flatMap((action) => action.keys.flatMap((key) => conflicts(actions, action, key, {}).map((other) => `${key}: ${action.id}, ${other.id}`)));
  expect(clashes).toEqual([]);
});

test('every key can be pressed, and none is a key of a question', () => {
  const keys = actions.flatMap((action) => action.keys);
  expect(keys.filter((key) => problemOf(key) !== '')).toEqual([]);
});

test('no action that a key starts allows or denies anything', () => {
  expect(actions.filter(({ id }) => /^(permission|question|folder)\./.test(id))).toEqual([]);
});

// `vitest -u` writes the page anew. An id is never changed: bindings of people name it.
test('docs/keyboard.md lists all actions', async () => {
  const keys = (action: Action) => action.keys.map((key) => `\`${key}\``).join(' · ') || '–';
  const rows = actions.map((action) => `| \`${action.id}\` | ${action.name} | ${keys(action)} | ${action.scope ?? ''} |`);
  const head = [
    '# Keys of the page',
    '',
    'Generated from `desktop/web/src/actions/registry.ts` (`npx vitest -u` in `desktop/web`). Mod is Ctrl, or ⌘ on a Mac. All keys of an action work;',
    'the page shows the first one in a window of Opta, and the last one in a tab of a browser, which takes some keys for itself. `?` shows this list.',
    'A person can choose other keys; they are kept in the browser under the id of the action. No action that allows or denies has a key:',
    'only keys pressed inside of the question count ([permissions.md](permissions.md)).',
    '',
    '| id | action | keys | only in |',
    '|---|---|---|---|',
  ];
  await expect(`${[...head, ...rows].join('\n')}\n`).toMatchFileSnapshot('../../../../docs/keyboard.md');
});
