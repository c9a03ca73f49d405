export const trust = {
  label: 'Trust',
  title: 'This project brings its own settings for Opta. Use them?',
  changedTitle: 'The project’s own settings for Opta have changed. Still use them?',
  from: 'Whoever can change the files of <path></path> wrote them. They are not in use now.',
  asks: 'What they ask for',
  changes: 'What is different since you trusted the folder',
  ifTrusted: 'If you trust the folder',
  trusted: 'The lines above apply in this folder: what they allow happens without a question. Everything else asks as before. When one of these files changes, you are asked again.',
  ifNot: 'If you do not',
  not: 'Opta works here all the same, and asks as usual. What the files forbid applies already.',
  hint: 'Trust it if you wrote these files, or know who did. When in doubt, do not.',
} as const;
