import type { problems as english } from '../en/problems';
import type { Translation } from '../translation';

export const problems = {
  noSandbox: 'Befehle laufen auf dieser Maschine ohne Sandbox, deshalb fragt jeder von ihnen. opta doctor zeigt, wie eine einzurichten ist.',
  notifications: 'Der Browser zeigt keine Benachrichtigungen dieser Seite. Sie in den Einstellungen der Website erlauben.',
  noKey: 'Die Seite hat keinen Schlüssel. Sie neu öffnen: opta open',
  gatewayAway: 'Das Gateway antwortet nicht, also kann die Seite nicht weiter diagnostizieren. In einem Terminal: opta doctor --fix',
  allRun: 'Alle Prozesse des Daemons laufen, aber er antwortet noch nicht. Sein Protokoll ansehen: opta logs gateway',
  cannotFetch: '{repo} kann jetzt nicht heruntergeladen werden: {reason}',
  tooLarge: 'Die Datei hat {size} MiB; höchstens {most} MiB sind möglich.',
  daemonAway: 'Der Daemon antwortet nicht.',
  notAnswering: '{server} antwortet jetzt nicht: {reason}',
  noTexts: 'Die Texte der gewählten Sprache konnten nicht geladen werden, deshalb bleiben sie, wie sie sind. Die Seite neu laden.',
} as const satisfies Translation<typeof english>;
