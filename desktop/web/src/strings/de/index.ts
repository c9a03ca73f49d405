// All texts of the page in German, by panel. Missing, surplus and wrong texts are errors of `tsc`.
//
// Terms: one German word for each term of ARCHITECTURE.md. No form of address where an infinitive or a passive does; otherwise "Sie".
//
//   session Sitzung · turn Runde · step Schritt · call Aufruf · tool Werkzeug · permission Berechtigung · to allow erlauben · to deny ablehnen
//   grant Freigabe · permission level Berechtigungsstufe · mode Modus (Chat, Ausführen, Planen) · model Modell · model server Modellserver
//   provider Anbieter · key of a provider Schlüssel · vault Tresor · account Konto · folder Ordner · service Dienst · process Prozess
//   log Protokoll · sub-agent Unteragent · context Kontext · to compact verdichten · timeline Verlauf · composer Eingabe · hunk Abschnitt
//   change Änderung · undo rückgängig machen · redo wiederherstellen · fork abzweigen · to queue einreihen · to steer nachsteuern
//   to fetch herunterladen · to load laden · memory Speicher · machine Maschine · event Ereignis · archive Archiv · trash Papierkorb
//   to stop anhalten · to pause pausieren · failed fehlgeschlagen · settings Einstellungen · diagnosis Diagnose
//   Kept in English: Daemon, Gateway, Prompt, Token, Cache, Diff, Worktree, Branch, Commit, Hub, Hook, Skill, Sandbox, Host, Port, Link.

import { actions } from './actions';
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
import { usage } from './usage';
import { use } from './use';
import { worktree } from './worktree';
import type { en } from '../en';
import type { Empty, Translation, WrongTexts } from '../translation';

export const de = {
  actions,
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
} as const satisfies Translation<typeof en> & { actions: typeof actions };

// Empty, or `tsc` names the texts whose values or tags are not those of the English ones.
export type Wrong = Empty<WrongTexts<typeof en, typeof de>>;
