// Colours of terminals as the 16 that the page has: a colour of the palette of 256, or of RGB, is drawn as the one of its hue, which can be read on
// every background.

const NAMED = /^ansi-(?:bright-)?(?:black|red|green|yellow|blue|magenta|cyan|white)$/;
const PALETTE = /^ansi-palette-(\d+)$/;
// Up to which hue, in degrees, a colour has a name.
const HUES: [until: number, name: string][] = [
  [20, 'red'],
  [70, 'yellow'],
  [165, 'green'],
  [200, 'cyan'],
  [260, 'blue'],
  [335, 'magenta'],
  [360, 'red'],
];
// Less colourful than this is grey, which is text without a colour.
const CHROMA_MIN = 40;
const CUBE = [0, 95, 135, 175, 215, 255];

// The class of a colour as anser names it; '' for none. `truecolor`: its red, green and blue where the name says that it has some.
export function colourClass(name: string | null, truecolor: string | null): string {
  if (!name) return '';
  if (NAMED.test(name)) return name;
  const number = PALETTE.exec(name)?.[1];
  const rgb = number ? ofPalette(Number(number)) : (truecolor ?? '').split(',').map(Number);
  return rgb.length === 3 ? ofHue(rgb as [number, number, number]) : '';
}

// The colours from 16 on: a cube of six steps, and greys.
function ofPalette(number: number): number[] {
  const at = number - 16;
  if (at < 0 || at >= 216) return [];
  return [Math.floor(at / 36), Math.floor(at / 6) % 6, at % 6].map((step) => CUBE[step] ?? 0);
}

function ofHue([red, green, blue]: [number, number, number]): string {
  const most = Math.max(red, green, blue);
  const chroma = most - Math.min(red, green, blue);
  if (!(chroma >= CHROMA_MIN)) return '';
  const sixth = most === red ? ((green - blue) / chroma + 6) % 6 : most === green ? (blue - red) / chroma + 2 : (red - green) / chroma + 4;
  return `ansi-${HUES.find(([until]) => sixth * 60 < until)?.[1] ?? 'red'}`;
}
