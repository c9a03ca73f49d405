// What can be completed at the caret: commands and skills of the daemon, actions of the page, paths of the folder.

import { useQuery } from '@tanstack/react-query';
import { perform } from '../../actions/action';
import { writeDraft } from '../../actions/composer';
import { availableSlashActions, type SlashAction, slashActions } from '../../actions/slash';
import { usePage, usePageState } from '../../hooks';
import type { Page } from '../../page';
import type { CommandInfo, FileMatch, SkillInfo } from '../../protocol';
import { commandsQuery, filesQuery, skillsQuery } from '../../queries';
import type { State } from '../../state';
import { useWords } from '../../strings/strings';
import { reference, type WordAt } from './word_at';

export interface Suggestion {
  key: string;
  // The word as it is typed, and in plain words what it is.
  word: string;
  words: string;
  group: string;
  // What stands in the message instead of the completed part; null: the action is done, and nothing stays.
  text: string | null;
  action?: SlashAction['action'];
}

export interface Suggestions {
  items: Suggestion[];
  // Why there are none, or not all.
  note: string;
  isLooking: boolean;
}

const NOTHING: Suggestions = { items: [], note: '', isLooking: false };

// The folder of the next message; '' while it has none.
export function folderOf(state: State): string {
  return state.transcript.cwd || (state.route.view === 'new' ? (state.route.cwd ?? '') : '');
}

export function useSuggestions(word: WordAt | null): Suggestions {
  const commands = useCommands(word?.kind === 'command' ? word.query : null);
  const files = useFiles(word?.kind === 'file' ? word.query : null);
  return word === null ? NOTHING : word.kind === 'command' ? commands : files;
}

function useCommands(query: string | null): Suggestions {
  const page = usePage();
  const words = useWords('composer.suggestions');
  const cwd = usePageState(folderOf);
  const isWanted = query !== null;
  const commands = useQuery({ ...commandsQuery(page.daemon, cwd), enabled: isWanted });
  const skills = useQuery({ ...skillsQuery(page.daemon, cwd), enabled: isWanted });
  // One text, so that what is not listed draws nothing again.
  const available = usePageState((state) => (isWanted ? availableSlashActions(state).map(({ word }) => word).join(' ') : ''));
  if (!isWanted) return NOTHING;
  const items = [
    ...(commands.data?.commands ?? []).map((command) => ofCommand(command, command.origin === 'project' ? words('project') : words('yours'))),
    ...(skills.data?.skills ?? []).map((skill) => ofSkill(skill, words('skills'), skill.isListed ? words('useSkill', { name: skill.name }) : words('useSkillAt', { name: skill.name, path: skill.path }))),
    ...slashActions.filter(({ word }) => available.split(' ').includes(word)).map(({ word, action }): Suggestion => ({ key: `action ${word}`, word: `/${word}`, words: action.name, group: words('actions'), text: null, action })),
  ];
  return { items: matching(items, query), note: '', isLooking: commands.isLoading || skills.isLoading };
}

function ofCommand({ name, description, arguments: wanted }: CommandInfo, group: string): Suggestion {
  return { key: `command ${name}`, word: `/${name}${wanted ? ` ${wanted}` : ''}`, words: description, group, text: `/${name} ` };
}

function ofSkill({ name, description, path }: SkillInfo, group: string, text: string): Suggestion {
  return { key: `skill ${path}`, word: `/${name}`, words: description, group, text };
}

// Names that begin so, then names that hold it, then descriptions that do; each in its group's order.
function matching(items: Suggestion[], query: string): Suggestion[] {
  const sought = query.toLowerCase();
  const rank = ({ word, words }: Suggestion) => (word.slice(1).toLowerCase().startsWith(sought) ? 0 : word.toLowerCase().includes(sought) ? 1 : words.toLowerCase().includes(sought) ? 2 : 3);
  const found = items.filter((item) => rank(item) < 3);
  // Grouped as they are shown, so that the arrow keys go down the list.
  const groups = [...new Set(found.sort((one, other) => rank(one) - rank(other)).map((item) => item.group))];
  return groups.flatMap((group) => found.filter((item) => item.group === group));
}

function useFiles(query: string | null): Suggestions {
  const page = usePage();
  const words = useWords('composer.suggestions');
  const cwd = usePageState(folderOf);
  const found = useQuery({ ...filesQuery(page.daemon, cwd, query ?? ''), enabled: query !== null && cwd !== '' });
  if (query === null) return NOTHING;
  if (cwd === '') return { ...NOTHING, note: words('noFolder') };
  if (found.error) return { ...NOTHING, note: words('failed', { problem: found.error.message }) };
  const items = (found.data?.files ?? []).flatMap((match) => ofFile(match, words('files'), words('folder')));
  const note = found.data?.isWhole === false ? words('partly') : found.data && !items.length ? words('noFiles') : '';
  return { items, note, isLooking: found.isLoading };
}

function ofFile({ path, isFolder }: FileMatch, group: string, folder: string): Suggestion[] {
  const text = reference(path, isFolder);
  // Behind a folder that needs no quotes, its files are completed at once.
  const rest = isFolder && !text.endsWith('"') && !text.endsWith("'") ? '' : ' ';
  return text ? [{ key: `${path} ${isFolder}`, word: isFolder ? `${path}/` : path, words: isFolder ? folder : '', group, text: `${text}${rest}` }] : [];
}

// Put a suggestion into the message, or do what it stands for. Where the caret is then.
export function take(page: Page, text: string, word: WordAt, { text: completed, action }: Suggestion): number {
  const rest = text.slice(word.to);
  const written = completed === null ? '' : completed;
  void perform(page, writeDraft, text.slice(0, word.from) + written + (written.endsWith(' ') ? rest.replace(/^ /, '') : rest));
  if (action) void perform(page, action, undefined);
  return word.from + written.length;
}
