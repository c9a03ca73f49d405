import { useEffect, useState } from 'react';
import { STALE_MS } from '../../figures';
import { usePage, usePageState } from '../../hooks';

const ROUND_TRIP_EVERY_MS = 5_000;

// The page's clock, each second while it is needed.
export function useNow(isNeeded: boolean): number {
  const [now, setNow] = useState(Date.now());
  useEffect(() => {
    if (!isNeeded) return undefined;
    setNow(Date.now());
    const timer = setInterval(() => setNow(Date.now()), 1_000);
    return () => clearInterval(timer);
  }, [isNeeded]);
  return now;
}

// How old the figures are, and whether they are too old to be those of now.
export function useAge(): { isStale: boolean; seconds: number } {
  const at = usePageState((state) => state.figures.at);
  const now = useNow(at > 0);
  const age = at ? Math.max(0, now - at) : 0;
  return { isStale: age > STALE_MS, seconds: Math.floor(age / 1_000) };
}

// Measure the round trip now and then, while the figures are on the screen and the daemon answers.
export function useRoundTrips(): void {
  const page = usePage();
  const isConnected = usePageState((state) => state.globalConnection === 'connected');
  useEffect(() => {
    if (!isConnected) return undefined;
    const measure = () => {
      if (!document.hidden && (page.fits('telemetry') || page.state.isTelemetrySheetOpen)) void page.measureRoundTrip();
    };
    measure();
    const timer = setInterval(measure, ROUND_TRIP_EVERY_MS);
    return () => clearInterval(timer);
  }, [page, isConnected]);
}
