// The worker that colours code: compiling the patterns of a language takes longer than a frame.

import { colour, type ColourRequest } from './line_colours';

// One after the other, so that each finds the lines before it coloured.
let work = Promise.resolve();

self.onmessage = ({ data }: MessageEvent<ColourRequest>) => {
  work = work.then(async () => self.postMessage(await colour(data)));
};
