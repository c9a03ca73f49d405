export const markdown = {
  done: 'done',
  open: 'to do',
  image: 'image: {alt}',
  noAlt: 'without a description',
  footnote: 'footnote {label}',
  table: 'Table',
} as const;
