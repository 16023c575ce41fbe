/**
 * A small writer of SVG. Colours are classes that answer to the reader's light or dark theme, and the picture
 * paints its own ground, so that it can be read wherever it is embedded.
 */

/** What is drawn with a colour; the same thing has the same colour in every chart. */
export type Ink =
  | 'good'
  | 'late'
  | 'spare'
  | 'old'
  | 'bad'
  | 'none'
  | 'one'
  | 'two'
  | 'three'
  | 'fault'
  | 'grid'
  | 'text'
  | 'faint';

const light: Record<Ink | 'ground', string> = {
  ground: '#ffffff',
  good: '#2a9d8f',
  late: '#d69e2e',
  spare: '#4299e1',
  old: '#9f7aea',
  bad: '#b3261e',
  none: '#a0aec0',
  one: '#2b6cb0',
  two: '#b7791f',
  three: '#c53030',
  fault: '#fbe3e3',
  grid: '#e2e8f0',
  text: '#1a202c',
  faint: '#4a5568',
};
const dark: typeof light = {
  ground: '#10151c',
  good: '#4fd1c5',
  late: '#ecc94b',
  spare: '#63b3ed',
  old: '#b794f4',
  bad: '#f56565',
  none: '#718096',
  one: '#63b3ed',
  two: '#f6ad55',
  three: '#fc8181',
  fault: '#3b1f25',
  grid: '#2d3748',
  text: '#edf2f7',
  faint: '#a0aec0',
};

function rules(colors: typeof light): string {
  return Object.entries(colors)
    .map(([name, color]) => `.${name}{fill:${color}}.${name}-line{stroke:${color}}`)
    .join('');
}

/** The whole picture. `alt` says in words what it shows. */
export function picture(
  size: { readonly width: number; readonly height: number },
  alt: string,
  parts: readonly string[],
): string {
  const { width, height } = size;
  const style = `text{font:12px system-ui,sans-serif}.title{font-weight:600;font-size:14px}.small{font-size:11px}path{fill:none;stroke-width:1.6}${rules(light)}@media(prefers-color-scheme:dark){${rules(dark)}}`;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escaped(alt)}</title>`,
    `<style>${style}</style>`,
    `<rect class="ground" width="${width}" height="${height}"/>`,
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

export interface TextOptions {
  readonly ink?: Ink;
  readonly anchor?: 'start' | 'middle' | 'end';
  readonly kind?: 'title' | 'small';
}

export function text(x: number, y: number, words: string, options: TextOptions = {}): string {
  const { ink = 'text', anchor = 'start', kind = '' } = options;
  return `<text x="${at(x)}" y="${at(y)}" class="${ink} ${kind}" text-anchor="${anchor}">${escaped(words)}</text>`;
}

export interface Box {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

export function rect({ x, y, width, height }: Box, ink: Ink): string {
  return `<rect x="${at(x)}" y="${at(y)}" width="${at(width)}" height="${at(height)}" class="${ink}"/>`;
}

export function polyline(points: readonly (readonly [number, number])[], ink: Ink): string {
  const d = points.map(([x, y], i) => `${i === 0 ? 'M' : 'L'}${at(x)} ${at(y)}`).join('');
  return `<path class="${ink}-line" d="${d}"/>`;
}

function at(value: number): string {
  return String(Math.round(value * 10) / 10);
}

function escaped(words: string): string {
  return words.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
