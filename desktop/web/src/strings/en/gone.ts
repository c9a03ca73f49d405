export const gone = {
  moved: 'This session was moved to the trash. What you see here is not changed any more.',
  none: 'There is no session s-{sid}. It may be in the trash, or the address is wrong.',
  title: 'This session is not there',
} as const;
