import type { connection as english } from '../en/connection';
import type { Translation } from '../translation';

export const connection = {
  label: 'Verbindung: {state}',
  connecting: 'Verbindet',
  connected: 'Verbunden',
  reconnecting: 'Verbindet erneut',
  disconnected: 'Getrennt',
} as const satisfies Translation<typeof english>;
