// A session as a file: one action for each form.

import type { ExportFormat } from '../daemon';
import type { Action } from './action';

const ENDINGS = { markdown: 'md', json: 'json', html: 'html' } as const satisfies Record<ExportFormat, string>;

function exportAction(format: ExportFormat, name: string, label: string, keys: readonly string[] = []): Action {
  return {
    id: `session.export-${format}`,
    name,
    label,
    keys,
    when: (state) => state.selected !== '',
    run: async (page) => {
      const sid = page.state.selected;
      page.save(`opta-${sid}.${ENDINGS[format]}`, await page.daemon.exported(sid, format));
    },
  };
}

export const exportMarkdown = exportAction('markdown', 'Export the session as Markdown', 'Export as Markdown', ['Mod+Shift+E', 'Alt+E']);
export const exportJson = exportAction('json', 'Export the session as JSON, with every event', 'Export as JSON');
export const exportHtml = exportAction('html', 'Export the session as one HTML file to give away: secrets are masked', 'Export to share');
