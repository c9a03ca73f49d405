import type { boot as english } from '../en/boot';
import type { Translation } from '../translation';

export const boot = {
  starting: 'Verbindung mit Opta …',
  loading: 'Sitzungen werden gelesen …',
  noServer: {
    title: 'Opta läuft nicht',
    words: 'Der Server dieser Seite antwortet nicht. Opta in einem Terminal starten; diese Seite verbindet sich dann von selbst.',
  },
  noDaemon: {
    title: 'Der Daemon antwortet nicht',
    words: 'Der Server dieser Seite läuft, aber der Daemon dahinter antwortet nicht. Sobald er antwortet, verbindet sich diese Seite von selbst.',
  },
  wrongVersion: {
    title: 'Diese Seite hat eine andere Version',
    words: 'Der Daemon spricht {daemon} und diese Seite {page}. Die Seite neu laden; wenn das nicht hilft, opta restart ausführen.',
    reload: 'Neu laden',
  },
  notLost: 'Nichts geht verloren: Was lief, läuft weiter, und diese Seite macht nach Ereignis {seq, number} weiter.',
  nextTry: 'Nächster Versuch in {seconds, number} s',
  trying: 'Verbindungsversuch …',
  tryNow: 'Jetzt versuchen',
  command: 'In einem Terminal: <command></command>',
} as const satisfies Translation<typeof english>;
