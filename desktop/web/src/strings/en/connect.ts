export const connect = {
  title: 'This window is not connected',
  words: 'Only a window that was opened from your terminal may see your sessions. Run <command></command>: it opens one. Or paste the address that it prints here.',
  field: 'Address or code',
} as const;
