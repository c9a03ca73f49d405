import type { news as english } from '../en/news';
import type { Translation } from '../translation';

export const news = {
  title: 'Opta: {session}',
  finished: 'Fertig.',
  limit: 'An einer Grenze angehalten; die Aufgabe ist nicht fertig.',
  failed: 'Fehlgeschlagen: {message}',
  permission: 'Braucht Ihre Antwort: {tool}',
  question: 'Fragt Sie: {text}',
} as const satisfies Translation<typeof english>;
