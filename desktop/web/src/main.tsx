import '@fontsource-variable/inter';
import '@fontsource-variable/jetbrains-mono';
import './style/tokens.css';
import './style/app.css';
import { createRoot } from 'react-dom/client';
import { onKey } from './actions';
import { App } from './app';
import { launch } from './daemon';
import { begin, showProblem } from './state';

const root = document.getElementById('root');
if (root) createRoot(root).render(<App />);
window.addEventListener('keydown', onKey);
launch().then(begin).catch(showProblem);
