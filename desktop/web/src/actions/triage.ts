// Actions of the triage: diagnose, make the fix, keep the evidence, ask the failing prompt again.

import type { ServiceVerb } from '../bridge';
import { DaemonError } from '../http_connection';
import { localDiagnosis } from '../local_diagnosis';
import type { Page } from '../page';
import type { DiagnoseRequest, Diagnosis, Fix } from '../protocol';
import { connection, nextModel, type State } from '../state';
import type { Action } from './action';
import { chooseDefaultModel, chooseForSession } from './session_choices';
import { storeAccount } from './settings';
import { PageProblem, say } from '../strings/spoken';

// What the daemon does, and what this page does itself; all other fixes are for a person in a terminal.
const OF_DAEMON = new Set<Fix['kind']>(['restart_service', 'start_service', 'load_model', 'unload_model', 'compact_session', 'resume_turn', 'stop_turn', 'free_space']);
const OF_PAGE = new Set<Fix['kind']>(['reconnect', 'refresh', 'answer']);
// An empty answer of the gateway takes milliseconds. A suspended one takes the connection and never answers.
const ROUND_TRIP_MS = 2_500;
const ROUND_TRIPS = 3;
const DIAGNOSIS_MS = 20_000;
// Rounds of looks for a gateway that was started, on a busy machine.
const STARTED_ROUNDS = 10;
const RECONNECTED_MS = 5_000;
const LOOK_MS = 100;

export const showTriage: Action = {
  id: 'triage.show',
  name: 'Show the triage: what is wrong, and what repairs it',
  label: 'Triage',
  keys: ['Mod+Shift+D', 'Alt+Shift+D'],
  when: () => true,
  run: (page) => page.showSheet(page.state.route.sheet === 'triage' ? undefined : 'triage'),
};

export const diagnose: Action = {
  id: 'triage.diagnose',
  name: 'Diagnose what is wrong',
  label: 'Diagnose',
  keys: [],
  when: (state) => !state.isDiagnosing,
  run: (page) => {
    page.set({ isTelemetrySheetOpen: false });
    page.showSheet('triage');
    return diagnoseNow(page);
  },
};

// Whether a button can make the fix. A key and a model are asked for beside it (`setKey`, `chooseOther`), and all others are words.
export function canFix(fix: Fix): boolean {
  return OF_DAEMON.has(fix.kind) || OF_PAGE.has(fix.kind);
}

export const applyFix: Action<Fix> = {
  id: 'triage.fix',
  name: 'Make the fix that the diagnosis names',
  label: 'Fix',
  keys: [],
  when: (state, fix) => canFix(fix) && !isBusy(state),
  run: async (page, fix) => {
    if (fix.kind === 'answer') {
      page.showSheet(undefined);
      page.set({ wantsQuestion: true });
      return;
    }
    await fixed(page, async () => {
      if (fix.kind === 'reconnect') await reconnect(page);
      else if (fix.kind === 'refresh') page.open(page.state.selected);
      // The desktop process works without the gateway.
      else if (fix.target === 'gateway') await startGateway(page, fix.kind === 'start_service' ? 'start' : 'restart');
      else page.set({ notice: (await page.daemon.fix(fix, page.state.selected)).done });
    });
  },
};

// The key of a provider, where the diagnosis says that it is refused.
export const setKey: Action<{ name: string; key: string }> = {
  id: 'triage.set-key',
  name: 'Store the key that the diagnosis asks for, and diagnose again',
  label: 'Store the key',
  keys: [],
  when: (state, argument) => storeAccount.when(state, argument) && !isBusy(state),
  run: (page, argument) => fixed(page, async () => storeAccount.run(page, argument)),
};

// Another model, where the diagnosis says that the one of the turn cannot be used. `isForSession`: else for everything that names none.
export const chooseOther: Action<{ model: string; isForSession: boolean }> = {
  id: 'triage.choose-model',
  name: 'Use another model in place of the one that cannot be used, and diagnose again',
  label: 'Use it',
  keys: [],
  when: (state, { model, isForSession }) => model !== '' && (!isForSession || state.selected !== '') && !isBusy(state),
  run: (page, { model, isForSession }) => fixed(page, async () => (isForSession ? chooseForSession.run(page, { field: 'model', value: model }) : chooseDefaultModel.run(page, model))),
};

export const containOthers: Action = {
  id: 'triage.contain',
  name: 'Pause the running turns of all other sessions, and diagnose',
  label: 'Pause other runs',
  keys: [],
  when: (state) => !isBusy(state),
  run: (page) => diagnoseNow(page, { contain: true }),
};

export const releaseOthers: Action = {
  id: 'triage.release',
  name: 'Let the paused turns of the other sessions go on',
  label: 'Let them go on',
  keys: [],
  when: (state) => (state.diagnosis?.contained?.length ?? 0) > 0 && !isBusy(state),
  run: async (page) => {
    const left: string[] = [];
    for (const sid of page.state.diagnosis?.contained ?? []) {
      // One that was stopped or resumed meanwhile does not keep the others.
      await page.daemon.resume(sid).catch(() => left.push(sid));
    }
    const { diagnosis } = page.state;
    page.set({ diagnosis: diagnosis && { ...diagnosis, contained: undefined }, notice: say('triage.runbook')('released') });
    if (left.length) throw new PageProblem(say('triage.runbook')('notReleased', { names: left.map((sid) => `s-${sid}`).join(', ') }));
  },
};

export const writePostMortem: Action = {
  id: 'triage.note',
  name: 'Diagnose, and write the post-mortem into this session',
  label: 'Write post-mortem',
  keys: [],
  when: (state) => state.selected !== '' && !isBusy(state),
  run: async (page) => {
    await diagnoseNow(page, { note: true });
    page.set({ notice: say('triage.runbook')('noteWritten') });
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
  when: (state) => state.transcript.resumable() !== undefined && !isBusy(state),
  run: async (page) => {
    const turn = page.state.transcript.resumable();
    if (!turn) return;
    page.set({ isDiagnosing: true, replayed: null });
    try {
      const replay = await page.daemon.replay(page.state.selected, turn.id);
      page.set({ replayed: { text: replay.text, sid: replay.session.id }, notice: replay.text });
      page.refreshSessions();
    } finally {
      page.set({ isDiagnosing: false });
    }
  },
};

// A gateway that is started answers after a second or two; the diagnosis that follows needs it.
async function startGateway(page: Page, verb: ServiceVerb): Promise<void> {
  await page.bridge.control('gateway', verb);
  for (let left = STARTED_ROUNDS; left > 0; left -= 1) if ((await reach(page)) !== null) return reconnect(page);
}

// The streams of events are back a moment after they are asked for. Until then a diagnosis would call them cut.
async function reconnect(page: Page): Promise<void> {
  page.kick();
  for (let left = RECONNECTED_MS / LOOK_MS; left > 0 && connection(page.state) !== 'connected'; left -= 1) await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
}

function isBusy(state: State): boolean {
  return state.isDiagnosing || state.isFixing;
}

// Whether a fix helped is only known when everything is looked at again.
async function fixed(page: Page, make: () => Promise<void>): Promise<void> {
  page.set({ isFixing: true, problem: '' });
  try {
    await make();
  } finally {
    page.set({ isFixing: false });
  }
  await diagnoseNow(page);
}

async function diagnoseNow(page: Page, also: Pick<DiagnoseRequest, 'contain' | 'note'> = {}): Promise<void> {
  page.set({ isDiagnosing: true, problem: '' });
  const { selected } = page.state;
  try {
    const diagnosis = await lookNow(page, also);
    // Another session was opened meanwhile.
    if (page.state.selected === selected) page.set({ diagnosis });
  } catch (error) {
    page.set({ diagnosis: null });
    throw error;
  } finally {
    page.set({ isDiagnosing: false });
  }
}

async function lookNow(page: Page, also: Pick<DiagnoseRequest, 'contain' | 'note'>): Promise<Diagnosis> {
  const { selected, overrides, transcript } = page.state;
  const latencyMs = await reach(page);
  if (latencyMs === null) return localDiagnosis(await page.bridge.services().catch(() => null), nextModel(page.state), new Date().toISOString());
  const client = { latencyMs: Math.round(latencyMs), stream: streamOf(page.state), ...(selected ? { lastSeq: transcript.lastSeq } : {}) };
  const diagnosis = await within(DIAGNOSIS_MS, page.daemon.diagnose({ session: selected, client, ...(overrides.model ? { model: overrides.model } : {}), ...also }));
  if (diagnosis === null) return localDiagnosis(await page.bridge.services().catch(() => null), nextModel(page.state), new Date().toISOString());
  // An empty list is left out of the answer, and says something only where it was asked for. Turns that were paused before are paused still.
  const contained = diagnosis.contained ?? (also.contain ? [] : page.state.diagnosis?.contained);
  return contained ? { ...diagnosis, contained } : diagnosis;
}

// Milliseconds of an empty answer of the gateway; null when none comes. One that is restarted is back within two seconds.
async function reach(page: Page): Promise<number | null> {
  for (let left = ROUND_TRIPS; left > 0; left -= 1) {
    const found = await within(ROUND_TRIP_MS, page.daemon.roundTrip());
    if (found !== null) return found;
    if (left > 1) await new Promise((resolve) => setTimeout(resolve, 700));
  }
  return null;
}

// The result of a request; null when the gateway takes no connection, or says nothing for so long.
async function within<Result>(ms: number, request: Promise<Result>): Promise<Result | null> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<null>((resolve) => {
    timer = setTimeout(() => resolve(null), ms);
  });
  try {
    return await Promise.race([request, late]);
  } catch (error) {
    // The desktop process says 503 when it knows no daemon.
    if (error instanceof TypeError || (error instanceof DaemonError && error.status >= 500)) return null;
    throw error;
  } finally {
    clearTimeout(timer);
  }
}

function streamOf(state: State): 'connected' | 'lost' | '' {
  const now = connection(state);
  return now === 'connected' ? 'connected' : now === 'connecting' ? '' : 'lost';
}
