export const header = {
  search: 'Search',
  needs: '{count, plural, one {# needs you} other {# need you}}',
  needsTitle: 'Go to the next question that needs you',
  window: '◆ {count, plural, one {# needs you} other {# need you}} · {title}',
} as const;
