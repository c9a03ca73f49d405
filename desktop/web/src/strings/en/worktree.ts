export const worktree = {
  title: 'Worktree',
  states: { making: 'being made', merging: 'being merged', ending: 'being removed', kept: 'kept', merged: 'merged', dropped: 'dropped' },
  left: '{count, plural, one {Without # uncommitted change of the repository.} other {Without # uncommitted changes of the repository.}}',
  over: 'Its folder is gone. Start a new session to go on.',
  confirm: { merge: 'Merge the worktree?', drop: 'Drop the worktree?' },
  anyway: { merge: 'Merge all the same', drop: 'Drop all the same' },
  mergeTitle: 'Into {branch}, and remove the worktree',
  noBranch: 'the checked-out commit',
  keepTitle: 'It stays as it is, with its branch',
  dropTitle: 'Remove it with its branch',
} as const;
