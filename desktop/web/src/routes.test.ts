import { expect, test } from 'vitest';
import { formatRoute, parseRoute, type Route } from './routes';

const ROUTES: [string, Route][] = [
  ['#/', { view: 'session', sid: '' }],
  ['#/new', { view: 'new' }],
  ['#/new?cwd=%2Fhome%2Fa+b%2F%23%3F', { view: 'new', cwd: '/home/a b/#?' }],
  ['#/s/a3b2c1', { view: 'session', sid: 'a3b2c1' }],
  ['#/s/a3b2c1/t12', { view: 'session', sid: 'a3b2c1', turn: 't12' }],
  ['#/s/a3b2c1/18442', { view: 'session', sid: 'a3b2c1', seq: 18442 }],
  ['#/s/a3b2c1/18442?sheet=triage', { view: 'session', sid: 'a3b2c1', seq: 18442, sheet: 'triage' }],
  ['#/?sheet=models', { view: 'session', sid: '', sheet: 'models' }],
  ['#/new?cwd=%2Fwork&sheet=triage', { view: 'new', cwd: '/work', sheet: 'triage' }],
  ['#/s/a3b2c1/t12?settings=mcp', { view: 'session', sid: 'a3b2c1', turn: 't12', settings: 'mcp' }],
  ['#/new?cwd=%2Fa&settings=values', { view: 'new', cwd: '/a', settings: 'values' }],
  ['#/?settings=providers', { view: 'session', sid: '', settings: 'providers' }],
];

test.each(ROUTES)('%s is read and written', (hash, route) => {
  expect(parseRoute(hash)).toEqual(route);
  expect(formatRoute(route)).toBe(hash);
});

test('the address of a session that older links have is understood', () => {
  expect(parseRoute('#a3b2c1')).toEqual({ view: 'session', sid: 'a3b2c1' });
});

test.each(['', '#', '#/s/', '#/s/a/b/c', '#/s/../x', '#/nothing', '#/s/a3b2c1/t', '#/%00', '#/?sheet=none', '#/?sheet'])('%s is the newest session', (hash) => {
  expect(parseRoute(hash)).toEqual({ view: 'session', sid: '' });
});

test('a section of the settings has a short address, and an unknown one is none', () => {
  expect(parseRoute('#/settings/lmx')).toEqual({ view: 'session', sid: '', settings: 'lmx' });
  expect(parseRoute('#/settings/nothing')).toEqual({ view: 'session', sid: '' });
  expect(parseRoute('#/s/a3b2c1?settings=nothing')).toEqual({ view: 'session', sid: 'a3b2c1' });
});
