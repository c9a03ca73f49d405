// Addresses of the page: what stands behind the # names what is shown, so that back, forward, reload and links work.

// Sheets that an address can open over whatever it names.
export const SHEETS = ['triage', 'models'] as const;
export type SheetName = (typeof SHEETS)[number];
export const SETTINGS_SECTIONS = ['appearance', 'language', 'notifications', 'permissions', 'providers', 'accounts', 'mcp', 'lmx', 'extensions', 'values'] as const;
export type SettingsSection = (typeof SETTINGS_SECTIONS)[number];

// What lies over what is open: a sheet, and the section of the settings that is shown.
interface Over {
  sheet?: SheetName;
  settings?: SettingsSection;
}

export type Route =
  // `sid` '': the newest session. `turn` or `seq`: what to show of it; without one, its end.
  | ({ view: 'session'; sid: string; turn?: string; seq?: number } & Over)
  // An empty composer; the first message makes the session, in folder `cwd` if one is given.
  | ({ view: 'new'; cwd?: string } & Over);

const SESSION = /^\/s\/([\w-]{1,64})(?:\/(?:(t\d{1,9})|(\d{1,15})))?$/;
const SETTINGS = /^\/settings\/(\w{1,32})$/;

// An address that means nothing here is the one of the newest session.
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  const asked = new URLSearchParams(query);
  return withSheet(
    withSettings(parsed(path, asked), sectionOf(asked.get('settings') ?? SETTINGS.exec(path)?.[1] ?? '')),
    SHEETS.find((name) => name === asked.get('sheet')),
  );
}

function parsed(path: string, asked: URLSearchParams): Route {
  if (path === '/new') {
    const cwd = asked.get('cwd');
    return cwd ? { view: 'new', cwd } : { view: 'new' };
  }
  const found = SESSION.exec(path);
  if (!found) return { view: 'session', sid: /^[\w-]{1,64}$/.test(path) ? path : '' };
  const [, sid = '', turn, seq] = found;
  return { view: 'session', sid, ...(turn ? { turn } : {}), ...(seq ? { seq: Number(seq) } : {}) };
}

export function formatRoute(route: Route): string {
  const asked = new URLSearchParams({
    ...(route.view === 'new' && route.cwd ? { cwd: route.cwd } : {}),
    ...(route.sheet ? { sheet: route.sheet } : {}),
    ...(route.settings ? { settings: route.settings } : {}),
  });
  return `#${pathOf(route)}${asked.size ? `?${asked}` : ''}`;
}

function pathOf(route: Route): string {
  if (route.view === 'new') return '/new';
  if (!route.sid) return '/';
  const target = route.turn ?? (route.seq === undefined ? '' : String(route.seq));
  return `/s/${route.sid}${target ? `/${target}` : ''}`;
}

// The same with another sheet over it, or with none.
export function withSheet(route: Route, sheet: SheetName | undefined): Route {
  const { sheet: _, ...bare } = route;
  return sheet ? { ...bare, sheet } : bare;
}

// Whether two addresses differ in the sheet alone.
export function differsInSheet(from: Route, to: Route): boolean {
  return from.sheet !== to.sheet && formatRoute(withSheet(to, undefined)) === formatRoute(withSheet(from, undefined));
}

function sectionOf(name: string): SettingsSection | undefined {
  return SETTINGS_SECTIONS.find((each) => each === name);
}

// The same with another section of the settings over it, or with none.
export function withSettings(route: Route, settings: SettingsSection | undefined): Route {
  const { settings: _, ...bare } = route;
  return settings ? { ...bare, settings } : bare;
}

// Whether two addresses differ in the settings alone. One that names no session is about whatever is open.
export function differsInSettings(from: Route, to: Route): boolean {
  if (from.settings === to.settings) return false;
  const bare = withSettings(to, undefined);
  return (to.settings !== undefined && bare.view === 'session' && bare.sid === '') || formatRoute(bare) === formatRoute(withSettings(from, undefined));
}
