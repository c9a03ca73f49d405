// A page without a window, connected to the gateway that `TestGateway` stands in for.

import { act, cleanup, render } from '@testing-library/react';
import userEvent, { type UserEvent } from '@testing-library/user-event';
import type { ReactNode } from 'react';
import { afterEach, beforeEach, vi } from 'vitest';
import { Daemon, DaemonError } from '../daemon';
import { PageProvider } from '../hooks';
import { type FocusTarget, Page } from '../page';
import { TestGateway } from './gateway';

const HAS_DOCUMENT = typeof document !== 'undefined';

export interface TestBench {
  gateway: TestGateway;
  page: Page;
  // What the page asked to focus, in order.
  focused: FocusTarget[];
  // Notifications that were shown, and whether the browser shows any.
  notified: [title: string, text: string][];
  mayNotify: boolean;
  // Codes that were brought from the terminal; without one, `hasKey` false refuses every connection.
  redeemed: string[];
  hasKey: boolean;
  // What the window is called, and how many sessions wait.
  named: [title: string, needsYou: number];
  // Drafts as the window keeps them.
  drafts: Record<string, string>;
  // Names of the files that the person was given.
  saved: string[];
  // Start the page, and let it read what it needs.
  start(wanted?: string): Promise<void>;
  // Let time pass, and with it every answer and frame that is due.
  pass(ms?: number): Promise<void>;
  draw(panel: ReactNode): UserEvent;
}

// A new page and gateway for each test of a file, under a clock that the test moves.
export function useTestBench(): TestBench {
  const bench = { focused: [] as FocusTarget[], notified: [] as [string, string][], mayNotify: true, saved: [] as string[] } as TestBench;
  bench.pass = async (ms = 400) => {
    const advance = async () => void (await vi.advanceTimersByTimeAsync(ms));
    await (HAS_DOCUMENT ? act(advance) : advance());
  };
  bench.start = async (wanted = '') => {
    bench.page.start(wanted);
    await bench.pass();
  };
  bench.draw = (panel) => {
    render(<PageProvider page={bench.page}>{panel}</PageProvider>);
    return userEvent.setup({ advanceTimers: vi.advanceTimersByTime });
  };
  beforeEach(() => {
    vi.useFakeTimers({ shouldAdvanceTime: true });
    bench.gateway = new TestGateway();
    bench.focused.length = 0;
    bench.notified.length = 0;
    bench.saved.length = 0;
    bench.mayNotify = true;
    bench.named = ['', 0];
    bench.redeemed = [];
    bench.hasKey = true;
    bench.drafts = {};
    const daemon = new Daemon(async () => {
      if (!bench.gateway.isUp) throw new TypeError('Failed to fetch');
      if (!bench.hasKey && !bench.redeemed.length) throw new DaemonError(401, { code: 'unauthorized', message: 'This page has no key.' });
      return { host: '127.0.0.1', port: 9999, token: 'token' };
    });
    bench.page = new Page(daemon, { focus: (target) => bench.focused.push(target), nextFrame: (run) => void setTimeout(run, 16), notify: (title, text) => bench.notified.push([title, text]), askToNotify: () => Promise.resolve(bench.mayNotify), redeem: async (code) => void bench.redeemed.push(code), name: (title, needsYou) => void (bench.named = [title, needsYou]), drafts: () => bench.drafts, keepDrafts: (drafts) => void (bench.drafts = drafts), save: (name) => bench.saved.push(name) });
  });
  afterEach(() => {
    if (HAS_DOCUMENT) cleanup();
    bench.page.close();
    vi.unstubAllGlobals();
    vi.useRealTimers();
  });
  return bench;
}
