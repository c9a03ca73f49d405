import type { card as english } from '../en/card';
import type { Translation } from '../translation';

export const card = {
  empty: 'leerer Text',
  text: 'Text',
  server: 'Server',
  tool: 'Werkzeug',
  schema: 'SHA-256 der Beschreibung',
  runsIn: 'läuft in',
  timeLimit: 'Zeitgrenze',
  background: 'im Hintergrund',
  yes: 'ja',
  no: 'nein',
  network: 'Netzwerk',
  sandbox: 'Sandbox',
  starts: 'startet',
  workspace: 'Arbeitsordner',
  noFile: 'keine Datei',
  content: '{bytes} Byte, SHA-256 {sha256}',
  before: 'vorher',
  after: 'nachher',
  note: 'Hinweis',
  tooLarge: 'Der Aufruf ist zu groß, um ihn ganz anzuzeigen ({size} Zeichen, höchstens {most}).',
  noEnd: 'Die Frage nennt keine Frist für eine Antwort.',
  useOf: '{tool} verwenden?',
  networks: { off: 'nein', list: 'nur die erlaubten Hosts', on: 'ja' },
  sandboxes: { full: 'vollständig', landlock: 'Landlock (Steuerdateien sind nicht geschützt)', none: 'keine: Der Befehl läuft nicht in der Sandbox' },
  missing: {
    execution: 'Es ist nicht bekannt, wo und wie der Befehl laufen würde.',
    writing: 'Die Änderung kann nicht angezeigt werden.',
    server: 'Es ist nicht bekannt, welcher Server dieses Werkzeug anbietet.',
  },
} as const satisfies Translation<typeof english>;
