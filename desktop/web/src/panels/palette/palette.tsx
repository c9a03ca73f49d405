// The palette: every action that can be done now, every session, and the models of the open session.

import { useQuery } from '@tanstack/react-query';
import { type ReactNode, useDeferredValue, useState } from 'react';
import { useMessages } from 'use-intl';
import { type Action, perform } from '../../actions/action';
import { shownKey } from '../../actions/keymap';
import { isOffered } from '../../actions/offered';
import { hidePalette, noteRecent } from '../../actions/palette';
import { actions } from '../../actions/registry';
import { chooseForSession } from '../../actions/session_choices';
import { filterSessions, openSession, searchSessions } from '../../actions/sessions';
import { IS_WINDOW, wordsOf } from '../../actions/words';
import { usePage, usePageState } from '../../hooks';
import { foundSessionsQuery } from '../../queries';
import { useWords } from '../../strings/strings';
import { Keys } from '../../ui/keys';
import { type CommandGroup, CommandList } from '../../ui/kit/command_list';
import { Dialog } from '../../ui/kit/dialog';
import { line } from '../../visible';
import { fits } from './fits';

// A text that is searched in the sessions.
const SEARCHED_FROM = 2;
const SESSIONS_MAX = 8;

export function Palette(): ReactNode {
  const page = usePage();
  const words = useWords('palette');
  const isOpen = usePageState((state) => state.isPaletteShown);
  if (!isOpen) return null;
  return (
    <Dialog isOpen isWide title={words('title')} description={words('description')} onClose={() => void perform(page, hidePalette, undefined)}>
      <Search />
    </Dialog>
  );
}

function Search(): ReactNode {
  const page = usePage();
  const words = useWords('palette');
  const [text, setText] = useState('');
  const wanted = useDeferredValue(text).trim();
  const { groups, take } = useFound(wanted);
  const onTake = async (value: string) => {
    await perform(page, hidePalette, undefined);
    // The window gives the focus back first, and the action may move it.
    requestAnimationFrame(() => take(value));
  };
  return <CommandList label={words('field')} listLabel={words('list')} text={text} onText={setText} groups={groups} onTake={(value) => void onTake(value)} emptyWords={words('empty')} />;
}

function useFound(text: string): { groups: CommandGroup[]; take: (value: string) => void } {
  const page = usePage();
  const words = useWords('palette');
  const messages = useMessages();
  const { state } = page;
  const bindings = usePageState(({ bindings }) => bindings);
  const recent = usePageState(({ remembered }) => remembered.recentActions);
  const known = usePageState(({ sessions }) => sessions);
  const models = usePageState((state) => (state.selected ? state.models : null));
  const isSearched = text.length >= SEARCHED_FROM;
  const { data: found } = useQuery({ ...foundSessionsQuery(page.daemon, text), enabled: isSearched });
  const item = (action: Action) => {
    const key = shownKey(action, bindings, IS_WINDOW);
    return { value: action.id, label: wordsOf(action, messages).name, hint: key ? <Keys shortcut={key} /> : undefined };
  };
  const doable = actions.filter((action) => action.id !== 'palette.show' && !action.series && isOffered(state, action) && action.when(state)).map(item);
  const listed = doable.filter((each) => fits(text, each.label));
  const first = recent.flatMap((id) => listed.filter((each) => each.value === id));
  const sessions = [...known.filter(({ title, cwd }) => fits(text, `${title} ${cwd ?? ''}`)), ...(isSearched ? (found ?? []) : [])];
  const unique = [...new Map(sessions.map((session) => [session.id, session])).values()].slice(0, SESSIONS_MAX);
  const groups: CommandGroup[] = [
    { value: 'recent', label: words('groups.recent'), items: first },
    { value: 'actions', label: words('groups.actions'), items: listed.filter((each) => !first.includes(each)) },
    { value: 'sessions', label: words('groups.sessions'), items: unique.map((session) => ({ value: `session ${session.id}`, label: line(session.title) || `s-${session.id}`, hint: `s-${session.id}` })) },
    {
      value: 'models',
      label: words('groups.models'),
      items: isSearched ? (models ?? []).filter((model) => model.healthy && fits(text, model.id)).map((model) => ({ value: `model ${model.id}`, label: words('model', { model: model.id }) })) : [],
    },
    { value: 'search', label: words('title'), items: text ? [{ value: 'search', label: words('inSessions', { text }) }] : [] },
  ];
  const take = (value: string) => {
    const [kind = '', name = ''] = value.split(/ (.*)/s);
    if (kind === 'session') void perform(page, openSession, name);
    else if (kind === 'model') void perform(page, chooseForSession, { field: 'model', value: name });
    else if (kind === 'search') void perform(page, searchSessions, undefined).then(() => perform(page, filterSessions, text));
    else {
      const action = actions.find(({ id }) => id === value);
      if (!action) return;
      void perform(page, noteRecent, value);
      void perform(page, action, undefined);
    }
  };
  return { groups: groups.filter(({ items }) => items.length), take };
}
