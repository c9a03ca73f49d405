// Entry of the page: connects `Page` with the browser window. Wiring only.

import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './style/tokens.css';
import './style/app.css';
import { createRoot } from 'react-dom/client';
import { KeyListener } from './actions/key_listener';
import { App } from './app';
import { browserBridge, launch } from './bridge';
import { Daemon } from './daemon';
import { lookOf, wear } from './look';
import { Page } from './page';
import { Providers } from './providers';
import { formatRoute, parseRoute } from './routes';
import { browserScreen } from './browser_screen';
import { languageOf, tagOf } from './strings/languages';
import { onSpoken, PageProblem, say, speak, spoken } from './strings/spoken';

const page = new Page(new Daemon(browserBridge.bootstrap), browserScreen, browserBridge);

// Texts of another language are loaded before anything is drawn, so that no English flashes; the connection does not wait for them.
async function speakAsChosen(): Promise<void> {
  try {
    await speak(languageOf(page.state.choices.language, navigator.languages), navigator.languages);
  } catch {
    page.report(new PageProblem(say('problems')('noTexts')));
  }
}
onSpoken(() => {
  const { language, direction } = spoken();
  document.documentElement.lang = tagOf(language);
  document.documentElement.dir = direction;
});
const root = document.getElementById('root');
void speakAsChosen().then(() => {
  if (root)
    createRoot(root).render(
      <Providers page={page}>
        <App />
      </Providers>,
    );
});
window.addEventListener('languagechange', () => void speakAsChosen());

let worn = page.state.choices;
wear(lookOf(worn), document);
page.store.subscribe(() => {
  if (page.state.choices === worn) return;
  if (page.state.choices.language !== worn.language) void speakAsChosen();
  worn = page.state.choices;
  wear(lookOf(worn), document);
});

const keys = new KeyListener(page);
window.addEventListener('keydown', (event) => keys.onKey(event));
// In a narrow window the list of sessions is a drawer.
const narrow = window.matchMedia('(max-width: 719px)');
page.set({ isNarrow: narrow.matches });
narrow.addEventListener('change', () => page.set({ isNarrow: narrow.matches, isRailOpen: false }));
window.addEventListener('online', () => page.kick());
document.addEventListener('visibilitychange', () => {
  if (!document.hidden) page.kick();
});
window.addEventListener('hashchange', () => {
  if (location.hash !== formatRoute(page.state.route)) page.show(parseRoute(location.hash));
});

// A code that was used before fails; the key of this tab may still be good, and if not, the page asks for one.
launch()
  .catch((error: unknown) => page.report(error))
  .finally(() => page.start(parseRoute(location.hash)));
