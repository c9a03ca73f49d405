import type { notices as english } from '../en/notices';
import type { Translation } from '../translation';

export const notices = {
  compacting: 'Der Kontext wird verdichtet',
  cleared: 'Der Kontext ist leer',
  answers: '{model} antwortet',
  answersWith: '{server} antwortet mit {model}',
  isDefault: '{model} ist das Standardmodell',
  restored: 'Die Sitzung ist wieder da.',
  dropped: 'Der Worktree wurde verworfen.',
  merged: 'In {branch} zusammengeführt: {count, plural, one {# Datei} other {# Dateien}}.',
} as const satisfies Translation<typeof english>;
