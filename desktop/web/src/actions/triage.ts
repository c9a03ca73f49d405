// Actions of the triage: diagnose, make the fix, keep the evidence, ask the failing prompt again.

import type { Page } from '../page';
import type { Fix } from '../protocol';
import { connection, type State } from '../state';
import type { Action } from './action';

// What the daemon does, and what this page does itself; all other fixes are for a person in a terminal.
const OF_DAEMON = new Set<Fix['kind']>(['restart_service', 'start_service', 'load_model', 'unload_model', 'compact_session', 'resume_turn', 'stop_turn']);
const OF_PAGE = new Set<Fix['kind']>(['reconnect', 'refresh']);

export const diagnose: Action = {
  id: 'triage.diagnose',
  name: 'Diagnose what is wrong',
  label: 'Diagnose',
  keys: [],
  when: (state) => !state.isDiagnosing,
  run: (page) => diagnoseNow(page),
};

// Whether a button can make the fix. Fixes that are only words are shown as such.
export function canFix(fix: Fix): boolean {
  return OF_DAEMON.has(fix.kind) || OF_PAGE.has(fix.kind);
}

export const applyFix: Action<Fix> = {
  id: 'triage.fix',
  name: 'Make the fix that the diagnosis names',
  label: 'Fix',
  keys: [],
  when: (state, fix) => canFix(fix) && !state.isDiagnosing && !state.isFixing,
  run: async (page, fix) => {
    page.set({ isFixing: true });
    try {
      if (fix.kind === 'reconnect') page.kick();
      else if (fix.kind === 'refresh') page.open(page.state.selected);
      else page.set({ notice: (await page.daemon.fix(fix, page.state.selected)).done });
    } finally {
      page.set({ isFixing: false });
    }
    // Whether it helped is only known now.
    await diagnoseNow(page);
  },
};

export const saveEvidence: Action = {
  id: 'triage.evidence',
  name: 'Save the evidence of this session',
  label: 'Save evidence',
  keys: [],
  when: (state) => state.selected !== '',
  run: async (page) => {
    const sid = page.state.selected;
    page.save(`opta-evidence-${sid}.zip`, await page.daemon.evidence(sid));
  },
};

export const replayTurn: Action = {
  id: 'triage.replay',
  name: 'Ask the failing prompt again with a smaller context',
  label: 'Replay smaller',
  keys: [],
  when: (state) => state.transcript.resumable() !== undefined && !state.isDiagnosing,
  run: async (page) => {
    const turn = page.state.transcript.resumable();
    if (!turn) return;
    page.set({ isDiagnosing: true });
    try {
      const replay = await page.daemon.replay(page.state.selected, turn.id);
      page.set({ replayed: `${replay.text} (s-${replay.session.id})` });
      page.refreshSessions();
    } finally {
      page.set({ isDiagnosing: false });
    }
  },
};

async function diagnoseNow(page: Page): Promise<void> {
  page.set({ isDiagnosing: true });
  try {
    const began = performance.now();
    await page.daemon.health();
    const { selected } = page.state;
    const client = { latencyMs: Math.round(performance.now() - began), stream: streamOf(page.state), ...(selected ? { lastSeq: page.state.transcript.lastSeq } : {}) };
    page.set({ diagnosis: await page.daemon.diagnose({ session: selected, client }) });
  } catch (error) {
    page.set({ diagnosis: null });
    // Only a program on the machine can look further then.
    if (error instanceof TypeError) throw new Error('The gateway does not answer, so the page cannot diagnose further. In a terminal: opta doctor --fix');
    throw error;
  } finally {
    page.set({ isDiagnosing: false });
  }
}

function streamOf(state: State): 'connected' | 'lost' | '' {
  const now = connection(state);
  return now === 'connected' ? 'connected' : now === 'connecting' ? '' : 'lost';
}
