// A page without a window, connected to the gateway that `TestGateway` stands in for.

import { act, cleanup, render, type RenderResult, screen } from '@testing-library/react';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, vi } from 'vitest';
import { Daemon } from '../daemon';
import { DaemonError } from '../http_connection';
import type { Bridge, LogEntry, ServiceRow } from '../bridge';
import { Page } from '../page';
import type { FocusTarget, Screen } from '../screen';
import { Providers } from '../providers';
import { formatRoute, parseRoute, type Route } from '../routes';
import type { StoredName } from '../storage';
import { TestGateway } from './gateway';

const HAS_DOCUMENT = typeof document !== 'undefined';

export interface TestBench {
  gateway: TestGateway;
  page: Page;
  // A page for what was changed above before it begins.
  newPage(): Page;
  // What the page asked to focus, in order.
  focused: FocusTarget[];
  // Whether what is asked to take the focus is there and has not got it yet.
  takesFocus: boolean;
  // Whether the window is wide enough for all panels.
  isWide: boolean;
  // What the browser keeps; at first, where the last session was begun.
  stored: Partial<Record<StoredName, unknown>>;
  // Notifications that were shown, and whether the browser shows any.
  notified: [title: string, text: string][];
  mayNotify: boolean;
  // Codes that were brought from the terminal; without one, `hasKey` false refuses every connection.
  redeemed: string[];
  hasKey: boolean;
  // Services as supervisord has them, and what was asked of it. Without `hasServer`, the server of the page is gone, too.
  services: ServiceRow[];
  controlled: [name: string, action: string][];
  // Entries of the logs, oldest first.
  logged: LogEntry[];
  hasServer: boolean;
  // Addresses that the window was given, in order.
  went: Route[];
  // What the window is called, and how many sessions wait.
  named: [title: string, needsYou: number];
  // Whether a person can see the window.
  isSeen: boolean;
  // What was copied last.
  copied: string;
  // Names of the files that the person was given.
  saved: string[];
  // Start the page, and let it read what it needs.
  start(wanted?: string): Promise<void>;
  // Let time pass, and with it every answer and frame that is due.
  pass(ms?: number): Promise<void>;
  draw(panel: ReactNode): UserEvent;
  // Draw something that is taken away again, and do something to it.
  drawn(panel: ReactNode): RenderResult;
  act(run: () => void): Promise<void>;
}

// Choose in the menu of a pill, as a person does.
export async function pick(user: UserEvent, pill: string, choice: string | RegExp): Promise<void> {
  await user.click(screen.getByRole(pill === 'Model' ? 'combobox' : 'button', { name: new RegExp(`^${pill}:`) }));
  await user.click(await screen.findByRole(pill === 'Model' ? 'option' : 'menuitemradio', { name: choice }));
}

// A process as supervisord has it.
export function serviceRow(name: string, state: string, pid: number): ServiceRow {
  return { name, state, pid, uptimeS: pid ? 61 : 0, memory: pid ? 50 * 2 ** 20 : 0, restarts: 0 };
}

// A new page and gateway for each test of a file, under a clock that the test moves.
export function testBench(): TestBench {
  const bench = { focused: [] as FocusTarget[], notified: [] as [string, string][], mayNotify: true, saved: [] as string[] } as TestBench;
  bench.pass = async (ms = 400) => {
    const advance = async () => void (await vi.advanceTimersByTimeAsync(ms));
    await (HAS_DOCUMENT ? act(advance) : advance());
  };
  bench.start = async (wanted = '') => {
    bench.page.start(parseRoute(wanted));
    await bench.pass();
  };
  bench.drawn = (panel) => render(<Providers page={bench.page}>{panel}</Providers>);
  bench.act = (run) => act(async () => run());
  bench.draw = (panel) => {
    bench.drawn(panel);
    return userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
  };
  beforeEach(() => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    // No file of this document has an address in the test runner.
    vi.spyOn(URL, 'createObjectURL').mockReturnValue('blob:preview');
    vi.spyOn(URL, 'revokeObjectURL').mockReturnValue(undefined);
    bench.gateway = new TestGateway();
    bench.focused.length = 0;
    bench.notified.length = 0;
    bench.saved.length = 0;
    bench.mayNotify = true;
    bench.takesFocus = bench.isWide = true;
    bench.named = ['', 0];
    bench.copied = '';
    bench.redeemed = [];
    bench.hasKey = bench.hasServer = true;
    bench.services = [];
    bench.controlled = [];
    bench.logged = [];
    bench.went = [];
    bench.stored = { remembered: { folder: '/work' } };
    bench.isSeen = true;
    const answering = async () => {
      if (!bench.hasServer) throw new TypeError('Failed to fetch');
    };
    const bridge: Bridge = {
      redeem: async (code) => void bench.redeemed.push(code),
      bootstrap: async () => {
        await answering();
        if (!bench.hasKey && !bench.redeemed.length) throw new DaemonError(401, { code: 'unauthorized', message: 'This page has no key.' });
        return { host: '127.0.0.1', port: 9999, token: 'token' };
      },
      services: async () => {
        await answering();
        return bench.services;
      },
      control: async (name, action) => {
        await answering();
        bench.controlled.push([name, action]);
      },
      logs: async (ends) => {
        await answering();
        const seen = ends?.all ?? 0;
        return { entries: bench.logged.slice(seen), ends: { all: bench.logged.length }, leftOut: 0 };
      },
    };
    const window: Screen = {
      focus: (target) => bench.focused.push(target) > 0 && bench.takesFocus,
      fits: () => bench.isWide,
      stored: (name) => bench.stored[name],
      store: (name, value) => void (bench.stored[name] = value),
      nextFrame: (run) => void setTimeout(run, 16),
      notify: (title, text) => bench.notified.push([title, text]),
      askToNotify: () => Promise.resolve(bench.mayNotify),
      mayNotify: () => (bench.mayNotify ? 'granted' : 'denied'),
      go: (route) => bench.went.push(route),
      name: (title, needsYou) => void (bench.named = [title, needsYou]),
      isSeen: () => bench.isSeen,
      save: (name) => bench.saved.push(name),
      copy: async (text) => void (bench.copied = text),
      address: (route) => `http://opta/${formatRoute(route)}`,
    };
    bench.newPage = () => new Page(new Daemon(bridge.bootstrap), window, bridge);
    bench.page = bench.newPage();
  });
  afterEach(() => {
    if (HAS_DOCUMENT) cleanup();
    bench.page.close();
    vi.unstubAllGlobals();
    vi.restoreAllMocks();
    vi.useRealTimers();
  });
  return bench;
}
