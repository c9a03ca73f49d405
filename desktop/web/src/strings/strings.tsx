// The words of the page in the language of the person. Components ask with `useWords('panel')`; messages are ICU MessageFormat.

import type { ReactNode } from 'react';
import { IntlProvider, useTranslations } from 'use-intl';
import { en } from './en';

declare module 'use-intl' {
  interface AppConfig {
    Messages: typeof en;
  }
}

export function StringsProvider({ children }: { children: ReactNode }): ReactNode {
  return (
    // Dates and numbers follow the person's own settings, so the time zone is the one of the machine.
    <IntlProvider locale="en" messages={en} timeZone={Intl.DateTimeFormat().resolvedOptions().timeZone}>
      {children}
    </IntlProvider>
  );
}

export const useWords = useTranslations;
