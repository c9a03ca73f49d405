// All words of the page in English, by panel. English is the type of every other language.

import { announcer } from './announcer';
import { boot } from './boot';
import { card } from './card';
import { cards } from './cards';
import { changes } from './changes';
import { child } from './child';
import { code } from './code';
import { composer } from './composer';
import { connect } from './connect';
import { connection } from './connection';
import { copy } from './copy';
import { daemonPanel } from './daemon_panel';
import { diff } from './diff';
import { ending } from './ending';
import { firstRun } from './first_run';
import { folders } from './folders';
import { gone } from './gone';
import { header } from './header';
import { hooks } from './hooks';
import { keyNames } from './key_names';
import { keys } from './keys';
import { markdown } from './markdown';
import { models } from './models';
import { news } from './news';
import { notices } from './notices';
import { output } from './output';
import { palette } from './palette';
import { permission } from './permission';
import { playback } from './playback';
import { problems } from './problems';
import { question } from './question';
import { rail } from './rail';
import { settings } from './settings';
import { telemetry } from './telemetry';
import { timeline } from './timeline';
import { todo } from './todo';
import { tools } from './tools';
import { triage } from './triage';
import { trust } from './trust';
import { turnActions } from './turn_actions';
import { use } from './use';
import { usage } from './usage';
import { worktree } from './worktree';

export const en = {
  announcer,
  boot,
  card,
  cards,
  changes,
  child,
  code,
  composer,
  connect,
  connection,
  copy,
  daemonPanel,
  diff,
  ending,
  firstRun,
  folders,
  gone,
  header,
  hooks,
  keyNames,
  keys,
  markdown,
  models,
  news,
  notices,
  output,
  palette,
  permission,
  playback,
  problems,
  question,
  rail,
  settings,
  telemetry,
  timeline,
  todo,
  tools,
  triage,
  trust,
  turnActions,
  usage,
  use,
  worktree,
} as const;
