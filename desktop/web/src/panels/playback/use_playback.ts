import { useStore } from 'zustand';
import type { Playback, PlaybackState } from '../../playback/playback';

// Draws again only when the selected part changes.
export function usePlayback<Part>(playback: Playback, select: (state: PlaybackState) => Part): Part {
  return useStore(playback.store, select);
}
