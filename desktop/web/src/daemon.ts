// The routes of the gateway, one method each.

import { HttpConnection } from './http_connection';
import type { AccountInfo, AccountList, AddProvider, AnyEvent, Attachment, BenchList, CommandList, DiagnoseRequest, Diagnosis, DiscoveredServers, FileMatches, Fix, FixDone, FolderList, FolderSuggestions, ForkAnswer, Health, LmxAvailable, LmxHubSearch, LmxModelDetails, LmxModels, LmxPull, MachineModels, ModelBench, ModelList, ProviderAdded, ProviderList, Replay, Session, SessionChanges, SessionDetails, SessionList, SettingChange, SkillList, SteerAccepted, TrustState, TurnAccepted, TurnChanges, TurnUndoneAnswer, UndoTurnRequest, UpdateSession, UsageReport, WorktreeEnded } from './protocol';

// A page of the list of sessions; '' and absent filters let all through.
export interface SessionsWanted {
  limit: number;
  q?: string;
  state?: Session['state'] | '';
  cursor?: string;
  parent?: string;
  archived?: '0' | '1';
  pinned?: '1';
}

const NAME_CHARS_MAX = 100;

// What is always allowed; `words` is the line that was shown before it was written.
export interface Grant {
  id: string;
  tool: string;
  cwd: string;
  words: string;
  expires?: string;
}

export type ExportFormat = 'markdown' | 'json' | 'html';

export class Daemon extends HttpConnection {
  sessions(wanted: SessionsWanted): Promise<SessionList> {
    const { limit, ...filters } = wanted;
    const query = new URLSearchParams(Object.entries(filters).filter(([, value]) => value));
    return this.ask('GET', `/v3/sessions?limit=${limit}${query.size ? `&${query}` : ''}`);
  }

  // The trash, or what `prune` moved to the archive.
  putAway(where: 'trash' | 'archive', cursor: string): Promise<SessionList> {
    return this.ask('GET', `/v3/put-away?where=${where}&limit=50${cursor ? `&cursor=${cursor}` : ''}`);
  }

  restore(sid: string): Promise<Session> {
    return this.ask('POST', `/v3/put-away/${sid}/restore`, {});
  }

  updateSession(sid: string, wanted: UpdateSession): Promise<Session> {
    return this.ask('PATCH', `/v3/sessions/${sid}`, wanted);
  }

  folders(path: string, prefix: string, withHidden: boolean): Promise<FolderList> {
    return this.ask('GET', `/v3/folders?${new URLSearchParams({ path, prefix, ...(withHidden ? { hidden: '1' } : {}) })}`);
  }

  suggestedFolders(): Promise<FolderSuggestions> {
    return this.ask('GET', '/v3/folders/suggested');
  }

  // With `worktreeName`, in a git worktree of its repository that is made for it.
  createSession(mode: string, cwd: string, worktreeName?: string): Promise<Session> {
    const worktree = worktreeName === undefined ? {} : { worktree: true, worktreeName: worktreeName.slice(0, NAME_CHARS_MAX) };
    return this.ask('POST', '/v3/sessions', { mode, ...(cwd ? { cwd } : {}), ...worktree });
  }

  // For later turns of a session.
  update(sid: string, changes: UpdateSession): Promise<Session> {
    return this.ask('PATCH', `/v3/sessions/${sid}`, changes);
  }

  // Replace older turns by a summary in the model's context.
  compact(sid: string): Promise<TurnAccepted> {
    return this.ask('POST', `/v3/sessions/${sid}/compact`, {}, crypto.randomUUID());
  }

  // Go on with an empty context; the history stays.
  clear(sid: string): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/clear`, {});
  }

  trash(sid: string): Promise<unknown> {
    return this.ask('DELETE', `/v3/sessions/${sid}`);
  }

  endWorktree(sid: string, action: 'merge' | 'keep' | 'drop', force: boolean): Promise<WorktreeEnded> {
    return this.ask('POST', `/v3/sessions/${sid}/worktree`, { action, ...(force ? { force } : {}) });
  }

  submit(sid: string, text: string, overrides: { mode?: string; model?: string; level?: string }, attachments: string[] = []): Promise<TurnAccepted> {
    return this.ask('POST', `/v3/sessions/${sid}/turns`, { text, ...overrides, ...(attachments.length ? { attachments } : {}) }, crypto.randomUUID());
  }

  // The plan of a turn is accepted: a turn carries it out.
  acceptPlan(sid: string, turnId: string): Promise<TurnAccepted> {
    return this.ask('POST', `/v3/sessions/${sid}/turns`, { fromPlan: turnId, mode: 'do' }, crypto.randomUUID());
  }

  // One stored event of a session.
  async eventAt(sid: string, seq: number): Promise<AnyEvent | undefined> {
    return (await this.eventsAfter(sid, seq - 1, 1))[0];
  }

  async eventsAfter(sid: string, seq: number, limit: number): Promise<AnyEvent[]> {
    return (await this.ask<{ events: AnyEvent[] }>('GET', `/v3/sessions/${sid}/events?afterSeq=${seq}&limit=${limit}`)).events;
  }

  upload(file: File): Promise<Attachment> {
    return this.ask('POST', `/v3/attachments?name=${encodeURIComponent(file.name)}`, file);
  }

  // The running turn, or the one named.
  stop(sid: string, turnId = ''): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/stop`, turnId ? { turnId } : {});
  }

  steer(sid: string, text: string): Promise<SteerAccepted> {
    return this.ask('POST', `/v3/sessions/${sid}/steer`, { text }, crypto.randomUUID());
  }

  takeBack(sid: string, steerId: string): Promise<unknown> {
    return this.ask('DELETE', `/v3/sessions/${sid}/steer/${steerId}`);
  }

  // Other words, for a running turn or as the prompt of one that waits.
  edit(sid: string, kind: 'steer' | 'turn', id: string, text: string): Promise<unknown> {
    return this.ask('PATCH', `/v3/sessions/${sid}/${kind === 'turn' ? 'turns' : 'steer'}/${id}`, { text });
  }

  // A new session with the history up to a turn; with `again`, before it, and its prompt or other words once more.
  fork(sid: string, turnId: string, again: boolean, text = ''): Promise<ForkAnswer> {
    return this.ask('POST', `/v3/sessions/${sid}/fork`, { turnId, ...(again ? { again } : {}), ...(text ? { text } : {}) }, crypto.randomUUID());
  }

  answerQuestion(sid: string, questionId: string, text: string): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/questions/${questionId}`, { text, client: 'the page' });
  }

  pause(sid: string): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/pause`, {}, crypto.randomUUID());
  }

  resume(sid: string): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/resume`, {});
  }

  // `note`: why a call was denied, for the model.
  answer(sid: string, requestId: string, decision: string, offer = '', note = ''): Promise<unknown> {
    return this.ask('POST', `/v3/sessions/${sid}/permissions/${requestId}`, { decision, client: 'the page', ...(offer ? { offer } : {}), ...(note ? { note } : {}) });
  }

  trust(cwd: string): Promise<TrustState> {
    return this.ask('GET', `/v3/trust?cwd=${encodeURIComponent(cwd)}`);
  }

  giveTrust(cwd: string, sha256: string): Promise<TrustState> {
    return this.ask('POST', '/v3/trust', { cwd, sha256 });
  }

  // A session without its transcript.
  about(sid: string): Promise<Session> {
    return this.ask('GET', `/v3/sessions/${sid}`);
  }

  // A session with its transcript, as far as it is now.
  session(sid: string): Promise<SessionDetails> {
    return this.ask('GET', `/v3/sessions/${sid}?atSeq=${Number.MAX_SAFE_INTEGER}`);
  }

  // The files that a turn changed, with their diffs.
  changes(sid: string, turnId: string): Promise<TurnChanges> {
    return this.ask('GET', `/v3/sessions/${sid}/turns/${turnId}/changes`);
  }

  // The files that all turns of a session changed, with their diffs.
  sessionChanges(sid: string): Promise<SessionChanges> {
    return this.ask('GET', `/v3/sessions/${sid}/changes`);
  }

  // A file of a session: a picture, a long result, or what was attached to a message.
  async artifact(sid: string, file: string): Promise<Blob> {
    return (await this.send('GET', `/v3/sessions/${sid}/artifacts/${encodeURIComponent(file)}`)).blob();
  }

  // Take back what a turn changed, or make it again: in all files or in some. With `partly` where it can be done.
  undo(sid: string, direction: 'undo' | 'redo', wanted: UndoTurnRequest): Promise<TurnUndoneAnswer> {
    return this.ask('POST', `/v3/sessions/${sid}/${direction}`, wanted);
  }

  models(): Promise<ModelList> {
    return this.ask('GET', '/v3/models');
  }

  // The model of turns that name none.
  setDefaultModel(model: string): Promise<unknown> {
    return this.ask('PUT', '/v3/models/default', { model });
  }

  providers(): Promise<ProviderList> {
    return this.ask('GET', '/v3/providers');
  }

  // What a message in a folder can begin with; '' for what holds everywhere.
  commands(cwd: string): Promise<CommandList> {
    return this.ask('GET', `/v3/commands${cwd ? `?cwd=${encodeURIComponent(cwd)}` : ''}`);
  }

  skills(cwd: string): Promise<SkillList> {
    return this.ask('GET', `/v3/skills${cwd ? `?cwd=${encodeURIComponent(cwd)}` : ''}`);
  }

  // Files and folders of a folder whose path matches.
  files(cwd: string, q: string): Promise<FileMatches> {
    return this.ask('GET', `/v3/files?cwd=${encodeURIComponent(cwd)}&q=${encodeURIComponent(q)}`);
  }

  discover(): Promise<DiscoveredServers> {
    return this.ask('GET', '/v3/providers/discover');
  }

  health(): Promise<Health> {
    return this.ask('GET', '/v3/health');
  }

  diagnose(wanted: DiagnoseRequest): Promise<Diagnosis> {
    return this.ask('POST', '/v3/diagnose', wanted);
  }

  fix({ kind, target }: Fix, session: string): Promise<FixDone> {
    return this.ask('POST', '/v3/diagnose/fix', { kind, ...(target ? { target } : {}), ...(session ? { session } : {}) });
  }

  replay(sid: string, turnId: string): Promise<Replay> {
    return this.ask('POST', `/v3/sessions/${sid}/replay`, { turnId }, crypto.randomUUID());
  }

  async grants(): Promise<Grant[]> {
    return (await this.ask<{ grants: Grant[] }>('GET', '/v3/grants')).grants;
  }

  revoke(id: string): Promise<SettingChange> {
    return this.ask('DELETE', `/v3/grants/${encodeURIComponent(id)}`);
  }

  async accounts(): Promise<AccountInfo[]> {
    return (await this.ask<AccountList>('GET', '/v3/accounts')).accounts;
  }

  storeAccount(name: string, key: string): Promise<SettingChange> {
    return this.ask('PUT', `/v3/accounts/${encodeURIComponent(name)}`, { key });
  }

  removeAccount(name: string): Promise<SettingChange> {
    return this.ask('DELETE', `/v3/accounts/${encodeURIComponent(name)}`);
  }

  removeProvider(name: string): Promise<SettingChange> {
    return this.ask('DELETE', `/v3/providers/${encodeURIComponent(name)}`);
  }

  async exported(sid: string, format: ExportFormat): Promise<Blob> {
    return (await this.send('GET', `/v3/sessions/${sid}/export?format=${format}`)).blob();
  }

  // Tokens, time and tool calls of the last days, by day, folder, model and tool.
  usage(days: number): Promise<UsageReport> {
    return this.ask('GET', `/v3/usage?days=${days}`);
  }

  // One zip, with secrets masked.
  async evidence(sid: string): Promise<Blob> {
    return (await this.send('POST', `/v3/sessions/${sid}/evidence`, {})).blob();
  }

  // Models that lie on this machine, and what fits.
  foundModels(): Promise<MachineModels> {
    return this.ask('GET', '/v3/models/found');
  }

  // LMX's models with their states, its memory, and downloads.
  lmxModels(): Promise<LmxModels> {
    return this.ask('GET', '/v3/lmx/models');
  }

  // Answers once the model is loaded.
  loadModel(model: string, pin = false): Promise<LmxModelDetails> {
    return this.ask('POST', '/v3/lmx/models/load', { model, ...(pin ? { pin } : {}) });
  }

  unloadModel(model: string): Promise<unknown> {
    return this.ask('POST', '/v3/lmx/models/unload', { model });
  }

  // How fast models of LMX are: the measurement that runs, and the last results.
  benches(): Promise<BenchList> {
    return this.ask('GET', '/v3/lmx/bench');
  }

  startBench(model: string): Promise<ModelBench> {
    return this.ask('POST', '/v3/lmx/bench', { model });
  }

  stopBench(): Promise<BenchList> {
    return this.ask('POST', '/v3/lmx/bench/stop', {});
  }

  searchHub(words: string): Promise<LmxHubSearch> {
    return this.ask('GET', `/v3/models/search?q=${encodeURIComponent(words)}`);
  }

  // What a hub has, and what a download of it would fetch.
  availableModel(repo: string): Promise<LmxAvailable> {
    return this.ask('POST', '/v3/lmx/models/available', { repo });
  }

  // `name`: that of a download that goes on; a new one gets the last part of `repo`.
  pullModel(repo: string, revision: string, name = ''): Promise<LmxPull> {
    return this.ask('POST', '/v3/lmx/models/pull', { repo, revision, ...(name ? { name } : {}) });
  }

  pausePull(name: string): Promise<LmxPull> {
    return this.ask('POST', '/v3/lmx/models/pull/pause', { name });
  }

  addProvider(wanted: AddProvider): Promise<ProviderAdded> {
    return this.ask('POST', '/v3/providers', wanted);
  }
}
