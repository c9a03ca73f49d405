export const copy = {
  label: 'Copy {what}',
  copy: 'Copy',
  copied: 'Copied',
} as const;
