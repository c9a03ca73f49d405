import type { connect as english } from '../en/connect';
import type { Translation } from '../translation';

export const connect = {
  title: 'Dieses Fenster ist nicht verbunden',
  words: 'Nur ein Fenster, das aus dem Terminal geöffnet wurde, darf die Sitzungen sehen. <command></command> öffnet eines. Oder die dort ausgegebene Adresse hier einfügen.',
  field: 'Adresse oder Code',
} as const satisfies Translation<typeof english>;
