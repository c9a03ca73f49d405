// What a transcript consists of: turns, their steps, and the calls of a step.

import type { AnyEvent, Change, DivergenceMark, Execution, FileHunk, Limits, Offer, ThinkingBlock, Writing } from './protocol';

// stopped: the turn ended before the call did.
export type CallState = 'called' | 'asking' | 'allowed' | 'running' | 'ok' | 'failed' | 'denied' | 'stopped';
export type TurnState = 'queued' | 'running' | 'pausing' | 'paused' | 'stopping' | 'done' | 'error' | 'cancelled';

// What a model asked the user; `by` is empty while nobody has answered.
export interface Question {
  id: string;
  text: string;
  options: string[];
  expiresAt: string;
  answer: string;
  by: string;
  client: string;
}

// What changed in the workspace while a command ran; the fields as in `FilesChanged`.
export interface Effect {
  changes: Change[];
  more: number;
  kept: string;
  background: boolean;
  missed: string;
  beside: string[];
}

// One run of a hook of the user; `outcome` is empty while it runs. `text`: what the model reads of it.
export interface HookRun {
  id: string;
  hook: string;
  on: string;
  worker: string;
  step: number;
  attempt: number;
  outcome: string;
  reason: string;
  text: string;
  code: string;
  isOpen: boolean;
  durationMs: number;
}

// The sub-agent of a call, as its last `child.state` says. `tokens`: read and written; `asks`, `askSeq`: its open question.
export interface Child {
  sid: string;
  title: string;
  readOnly: boolean;
  state: ChildProgress;
  turn: string;
  step: number;
  calls: number;
  tokens: number;
  asks: string;
  askSeq: number;
}

export type ChildProgress = Extract<AnyEvent, { event: 'child.state' }>['state'];

export interface Call {
  id: string;
  name: string;
  args: Record<string, unknown>;
  risk: string;
  // Where its `tool.call` stands in the journal.
  seq: number;
  written: string;
  state: CallState;
  requestId: string;
  reason: string;
  offers: Offer[];
  diff: string;
  expects: string;
  scope: string;
  server: string;
  schema: string;
  expiresAt: string;
  execution: Execution | null;
  writing: Writing | null;
  offer: string;
  decidedBy: string;
  client: string;
  rule: string;
  note: string;
  // When it began to run.
  startedAt: string;
  output: string;
  content: string;
  code: string;
  lines: number;
  durationMs: number;
  truncated: boolean;
  spill: string;
  changes: Change[];
  effects: Effect[];
  asked: Question | null;
  hooks: HookRun[];
  child: Child | null;
}

// Text from outside the conversation in the prompt: behind the user's message, or behind the results of step `step`.
export interface Injected {
  source: string;
  text: string;
  step: number;
  // Of the instructions of a folder: what they were.
  edition: string;
}

// Words that a person added to a running turn.
export interface Steer {
  id: string;
  text: string;
  // The step before which a model read them, 0 while they wait.
  step: number;
}

export interface Step {
  step: number;
  provider: string;
  model: string;
  attempt: number;
  // Where it begins in the journal, and when: its request, the first piece of its answer, the first and the last of its reasoning.
  seq: number;
  startedAt: string;
  firstAt: string;
  thoughtFrom: string;
  thoughtTo: string;
  text: string;
  thinking: string;
  folded: string;
  nudge: string;
  thinkingField: string;
  thinkingBlocks: ThinkingBlock[];
  contextLimit: number;
  contextUsed: number;
  // Why the answer ended, empty while it is not whole.
  finish: string;
  // Whether it ended inside of a call, and the tokens that the provider reported for it.
  hasCutCall: boolean;
  tokens: number;
  promptTokens: number;
  cachedTokens: number;
  thinkingTokens: number;
  // Seconds for which the model has been silent, 0 once it speaks.
  waiting: number;
  calls: Call[];
  // As the version of its turn.
  version: number;
}

export interface Stats {
  tokens: number;
  elapsed: number;
  tokensPerSec: number;
  tools: number;
  steps: number;
  finish: string;
  promptTokens: number;
  cachedTokens: number;
  thinkingTokens: number;
  firstTokenMs: number;
  contextUsed: number;
  contextLimit: number;
  // Of a turn that started sub-agents: how many, and what those read and wrote.
  children?: number;
  childTokens?: number;
}

// What a timeline says between the parts of a turn, or between turns, at the seq where it happened.
export interface Remark {
  seq: number;
  ts: string;
  kind: 'warning' | 'plan' | 'pause' | 'undo' | 'settings' | 'cleared' | 'service' | 'worktree';
  text: string;
}

// A note for people, such as a post-mortem.
export interface Note {
  seq: number;
  ts: string;
  kind: string;
  text: string;
}

export interface Turn {
  id: string;
  seq: number;
  ts: string;
  text: string;
  mode: string;
  level: string;
  model: string;
  // Names of files that were uploaded.
  attachments: string[];
  resumes: string;
  compact: boolean;
  // A turn of the triage: it goes to its model or fails.
  probe: boolean;
  // agent: a model wrote the prompt, for its sub-agent.
  role: string;
  // The turn whose plan is carried out.
  fromPlan: string;
  // What the person wrote, when `text` is what a custom command holds.
  command: string;
  injected: Injected[];
  steers: Steer[];
  // Hooks at its end; those about a call stand with the call.
  hooks: HookRun[];
  // What the turn may use: as was asked for, and then as its agent says.
  limits: Limits | null;
  note: string;
  undone: string[];
  // Hunks that were undone one by one; of files that are undone, too, when a hunk was the last one.
  undoneHunks: FileHunk[];
  // The seq of the last undo of any, 0 for none.
  undoneAt: number;
  state: TurnState;
  steps: Step[];
  warnings: string[];
  // Warnings, plans and pauses, where they happened.
  remarks: Remark[];
  // Where it may have left its course.
  marks: DivergenceMark[];
  stats: Stats | null;
  contextUsed: number;
  contextLimit: number;
  // Steps up to `foldedTo` are `digest` in prompts.
  foldedTo: number;
  foldedAt: number;
  foldedTokens: number;
  digest: string;
  error: string;
  errorCode: string;
  endedAt: string;
  // Grows with every change, so that the drawn turn knows when to draw again.
  version: number;
}
