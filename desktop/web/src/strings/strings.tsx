// The words of the page in the language of the person. Components ask with `useWords('panel')`; messages are ICU MessageFormat.

import { DirectionProvider } from '@base-ui/react/direction-provider';
import { type ReactNode, useSyncExternalStore } from 'react';
import { IntlProvider, useTranslations } from 'use-intl';
import type { en } from './en';
import { onSpoken, type Spoken, spoken } from './spoken';

declare module 'use-intl' {
  interface AppConfig {
    Messages: typeof en;
  }
}

export function StringsProvider({ children }: { children: ReactNode }): ReactNode {
  const { locale, messages, direction } = useSpoken();
  return (
    // Dates and numbers follow the person's own settings, so the time zone is the one of the machine.
    <IntlProvider locale={locale} messages={messages} timeZone={Intl.DateTimeFormat().resolvedOptions().timeZone}>
      <DirectionProvider direction={direction}>{children}</DirectionProvider>
    </IntlProvider>
  );
}

export function useSpoken(): Spoken {
  return useSyncExternalStore(onSpoken, spoken, spoken);
}

export const useWords = useTranslations;
