import type { worktree as english } from '../en/worktree';
import type { Translation } from '../translation';

export const worktree = {
  title: 'Worktree',
  states: { making: 'wird angelegt', merging: 'wird zusammengeführt', ending: 'wird entfernt', kept: 'behalten', merged: 'zusammengeführt', dropped: 'verworfen' },
  left: '{count, plural, one {Ohne # nicht eingecheckte Änderung des Repositorys.} other {Ohne # nicht eingecheckte Änderungen des Repositorys.}}',
  over: 'Sein Ordner ist weg. Um weiterzumachen, eine neue Sitzung starten.',
  confirm: { merge: 'Worktree zusammenführen?', drop: 'Worktree verwerfen?' },
  anyway: { merge: 'Trotzdem zusammenführen', drop: 'Trotzdem verwerfen' },
  mergeTitle: 'In {branch} übernehmen und den Worktree entfernen',
  noBranch: 'den ausgecheckten Commit',
  keepTitle: 'Er bleibt mit seinem Branch, wie er ist',
  dropTitle: 'Ihn mit seinem Branch entfernen',
} as const satisfies Translation<typeof english>;
