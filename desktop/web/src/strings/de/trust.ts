import type { trust as english } from '../en/trust';
import type { Translation } from '../translation';

export const trust = {
  label: 'Vertrauen',
  title: 'Dieses Projekt bringt eigene Einstellungen für Opta mit. Sollen sie gelten?',
  changedTitle: 'Die projekteigenen Einstellungen für Opta haben sich geändert. Sollen sie weiter gelten?',
  from: 'Geschrieben hat sie, wer die Dateien von <path></path> ändern kann. Sie gelten jetzt nicht.',
  asks: 'Was sie verlangen',
  changes: 'Was sich geändert hat, seit dem Ordner vertraut wird',
  ifTrusted: 'Wenn dem Ordner vertraut wird',
  trusted: 'Die Zeilen oben gelten in diesem Ordner: Was sie erlauben, geschieht ohne Rückfrage. Alles andere fragt wie zuvor. Wenn sich eine dieser Dateien ändert, wird erneut gefragt.',
  ifNot: 'Wenn nicht',
  not: 'Opta arbeitet hier trotzdem und fragt wie üblich. Was die Dateien verbieten, gilt bereits.',
  hint: 'Vertrauen ist richtig, wenn die Dateien selbst geschrieben sind oder der Verfasser bekannt ist. Im Zweifel nicht vertrauen.',
} as const satisfies Translation<typeof english>;
