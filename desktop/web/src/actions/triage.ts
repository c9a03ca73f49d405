// Actions of the triage: diagnose, make the fix, keep the evidence, ask the failing prompt again.

import type { Page } from '../page';
import type { DiagnoseRequest, Fix } from '../protocol';
import { connection, type State } from '../state';
import type { Action } from './action';
import { openModels } from './composer';
import { PageProblem, say } from '../strings/spoken';
import { openSettings } from './settings';

// What the daemon does, and what this page does itself; all other fixes are for a person in a terminal.
const OF_DAEMON = new Set<Fix['kind']>(['restart_service', 'start_service', 'load_model', 'unload_model', 'compact_session', 'resume_turn', 'stop_turn']);
const OF_PAGE = new Set<Fix['kind']>(['reconnect', 'refresh']);
// The page opens where a person makes the fix: only they know the key, or which model.
const OF_PERSON = new Set<Fix['kind']>(['set_key', 'choose_model']);

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
  return OF_DAEMON.has(fix.kind) || OF_PAGE.has(fix.kind) || OF_PERSON.has(fix.kind);
}

export const applyFix: Action<Fix> = {
  id: 'triage.fix',
  name: 'Make the fix that the diagnosis names',
  label: 'Fix',
  keys: [],
  when: (state, fix) => canFix(fix) && !state.isDiagnosing && !state.isFixing,
  run: async (page, fix) => {
    if (fix.kind === 'set_key') {
      page.set({ isTelemetrySheetOpen: false });
      return openSettings.run(page, 'accounts');
    }
    if (fix.kind === 'choose_model') {
      page.set({ isTelemetrySheetOpen: false });
      return openModels.run(page);
    }
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

export const containOthers: Action = {
  id: 'triage.contain',
  name: 'Pause the running turns of all other sessions, and diagnose',
  label: 'Pause other runs',
  keys: [],
  when: (state) => !state.isDiagnosing,
  run: (page) => diagnoseNow(page, { contain: true }),
};

export const writePostMortem: Action = {
  id: 'triage.note',
  name: 'Diagnose, and write the post-mortem into this session',
  label: 'Write post-mortem',
  keys: [],
  when: (state) => state.selected !== '' && !state.isDiagnosing,
  run: (page) => diagnoseNow(page, { note: true }),
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

async function diagnoseNow(page: Page, also: Pick<DiagnoseRequest, 'contain' | 'note'> = {}): Promise<void> {
  page.set({ isDiagnosing: true });
  try {
    const began = performance.now();
    await page.daemon.health();
    const { selected } = page.state;
    const client = { latencyMs: Math.round(performance.now() - began), stream: streamOf(page.state), ...(selected ? { lastSeq: page.state.transcript.lastSeq } : {}) };
    const diagnosis = await page.daemon.diagnose({ session: selected, client, ...also });
    // An empty list is left out of the answer, and says something only where it was asked for.
    page.set({ diagnosis: also.contain ? { ...diagnosis, contained: diagnosis.contained ?? [] } : diagnosis });
  } catch (error) {
    page.set({ diagnosis: null });
    // Only a program on the machine can look further then.
    if (error instanceof TypeError) throw new PageProblem(say('problems')('gatewayAway'));
    throw error;
  } finally {
    page.set({ isDiagnosing: false });
  }
}

function streamOf(state: State): 'connected' | 'lost' | '' {
  const now = connection(state);
  return now === 'connected' ? 'connected' : now === 'connecting' ? '' : 'lost';
}
