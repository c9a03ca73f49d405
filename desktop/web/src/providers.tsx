// What every component can reach: the page, its queries, the words, and the libraries' settings.

import { CSPProvider } from '@base-ui/react/csp-provider';
import { QueryClientProvider } from '@tanstack/react-query';
import type { ReactNode } from 'react';
import { PageProvider } from './hooks';
import type { Page } from './page';
import { StringsProvider } from './strings/strings';

export function Providers({ page, children }: { page: Page; children: ReactNode }): ReactNode {
  return (
    // The page's policy allows no style elements.
    <CSPProvider disableStyleElements>
      <StringsProvider>
        <QueryClientProvider client={page.queries}>
          <PageProvider page={page}>{children}</PageProvider>
        </QueryClientProvider>
      </StringsProvider>
    </CSPProvider>
  );
}
