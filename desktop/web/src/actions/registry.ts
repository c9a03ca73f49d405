// All actions that need no argument: what a menu or a palette lists and a shortcut starts.

import type { Action } from './action';
import { focusComposer, openLevels, openModels, openModes, toggleMode } from './composer';
import { clearContext, compactContext } from './context';
import { copyDiagnostics, reconnect, showDaemon, startDaemon, tryNow } from './daemon';
import { exportHtml, exportJson, exportMarkdown } from './exports';
import { openParent } from './forks';
import { resetKeys, showKeys } from './keys';
import { showModels } from './models';
import { goToNeed, openNumbered } from './needs';
import { showPalette } from './palette';
import { lookForServers } from './providers';
import { leaveRename, leaveTrashed, moreSessions, newSession, searchSessions, showTrash } from './sessions';
import { continueTurn, pauseTurn, steerTurn } from './steer';
import { containOthers, diagnose, replayTurn, saveEvidence, writePostMortem } from './triage';
import { settingsSections, showSettings } from './settings';
import { copyCurrentTurn, goToEnd, nextTurn, openFind, previousTurn } from './timeline';
import { resumeTurn, stopTurn, submitTurn } from './turns';
import { allowNotifications, closeRail, dismissProblem, toggleChanges, toggleRail, toggleTelemetry } from './view';

export const actions: readonly Action[] = [
  showPalette,
  newSession,
  searchSessions,
  ...openNumbered,
  goToNeed,
  moreSessions,
  leaveRename,
  leaveTrashed,
  submitTurn,
  steerTurn,
  pauseTurn,
  continueTurn,
  stopTurn,
  resumeTurn,
  focusComposer,
  toggleMode,
  openModes,
  openModels,
  openLevels,
  compactContext,
  clearContext,
  previousTurn,
  nextTurn,
  goToEnd,
  openFind,
  copyCurrentTurn,
  openParent,
  exportMarkdown,
  exportJson,
  exportHtml,
  toggleRail,
  closeRail,
  showTrash,
  toggleChanges,
  toggleTelemetry,
  showKeys,
  showModels,
  showSettings,
  ...settingsSections,
  dismissProblem,
  allowNotifications,
  lookForServers,
  diagnose,
  replayTurn,
  saveEvidence,
  containOthers,
  writePostMortem,
  showDaemon,
  startDaemon,
  tryNow,
  reconnect,
  copyDiagnostics,
  resetKeys,
];
