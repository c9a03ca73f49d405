// Addresses of the page: what stands behind the # names what is shown, so that back, forward, reload and links work.

export type Route =
  // `sid` '': the newest session. `turn` or `seq`: what to show of it; without one, its end.
  | { view: 'session'; sid: string; turn?: string; seq?: number }
  // An empty composer; the first message makes the session, in folder `cwd` if one is given.
  | { view: 'new'; cwd?: string };

const SESSION = /^\/s\/([\w-]{1,64})(?:\/(?:(t\d{1,9})|(\d{1,15})))?$/;

// An address that means nothing here is the one of the newest session.
export function parseRoute(hash: string): Route {
  const [path = '', query = ''] = hash.replace(/^#/, '').split('?');
  if (path === '/new') {
    const cwd = new URLSearchParams(query).get('cwd');
    return cwd ? { view: 'new', cwd } : { view: 'new' };
  }
  const found = SESSION.exec(path);
  if (!found) return { view: 'session', sid: /^[\w-]{1,64}$/.test(path) ? path : '' };
  const [, sid = '', turn, seq] = found;
  return { view: 'session', sid, ...(turn ? { turn } : {}), ...(seq ? { seq: Number(seq) } : {}) };
}

export function formatRoute(route: Route): string {
  if (route.view === 'new') return route.cwd ? `#/new?${new URLSearchParams({ cwd: route.cwd })}` : '#/new';
  if (!route.sid) return '#/';
  const target = route.turn ?? (route.seq === undefined ? '' : String(route.seq));
  return `#/s/${route.sid}${target ? `/${target}` : ''}`;
}
