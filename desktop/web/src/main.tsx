// Entry of the page: connects `Page` with the browser window. Wiring only.

import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './style/tokens.css';
import './style/app.css';
import { createRoot } from 'react-dom/client';
import { onKey } from './actions/registry';
import { App } from './app';
import { bootstrap, launch } from './bridge';
import { Daemon } from './daemon';
import { PageProvider } from './hooks';
import { Page } from './page';
import { browserScreen } from './screen';

const page = new Page(new Daemon(bootstrap), browserScreen);

const root = document.getElementById('root');
if (root)
  createRoot(root).render(
    <PageProvider page={page}>
      <App />
    </PageProvider>,
  );

window.addEventListener('keydown', (event) => onKey(page, event));
window.addEventListener('online', () => page.kick());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) page.kick();
});

// The address names the open session, in both directions.
const addressed = () => location.hash.slice(1);
page.store.subscribe(({ selected }, { selected: before }) => {
  if (selected !== before && selected !== addressed()) location.hash = selected;
});
window.addEventListener('hashchange', () => {
  if (addressed() !== page.state.selected) page.open(addressed());
});

// A code that was used before fails; the key of this tab may still be good, and if not, the page asks for one.
launch()
  .catch((error: unknown) => page.report(error))
  .finally(() => page.start(addressed()));
