import * as dagre from '@dagrejs/dagre';
import type { Arrow, Box, Topology } from './topology.ts';

/** A topology with places, in pixels from the upper left. */
export interface Placed {
  readonly width: number;
  readonly height: number;
  readonly boxes: readonly (Box & Rectangle)[];
  readonly arrows: readonly (Arrow & { readonly path: readonly Point[]; readonly label: Point })[];
}

/** `x` and `y` are its centre. */
export interface Rectangle extends Point {
  readonly width: number;
  readonly height: number;
}

export interface Point {
  readonly x: number;
  readonly y: number;
}

/** What is used of dagre: its own types import files without their extensions, which Node's rules do not resolve. */
interface Dagre {
  readonly Graph: new (options: { readonly multigraph: boolean }) => DagreGraph;
  readonly layout: (graph: DagreGraph) => void;
}
interface DagreGraph {
  setGraph(label: Readonly<Record<string, string | number>>): void;
  setNode(id: string, label: Size): void;
  setEdge(from: string, to: string, label: Size & { labelpos: string }, name: string): void;
  /** With places, after `layout`. */
  graph(): Partial<Size>;
  node(id: string): Partial<Rectangle>;
  edge(from: string, to: string, name: string): Partial<Point> & { points?: readonly Point[] };
}
interface Size {
  readonly width: number;
  readonly height: number;
}
const { Graph, layout } = dagre as unknown as Dagre;

const lineHeight = 15;
/** Of a letter of 12 px on average; labels are kept apart by it. */
const letterWidth = 6.1;

/** Places boxes in columns, callers left of those they call. The same topology is always placed alike. */
export function place({ boxes, arrows }: Topology): Placed {
  const graph = new Graph({ multigraph: true });
  graph.setGraph({
    rankdir: 'LR',
    nodesep: 26,
    ranksep: 34,
    edgesep: 18,
    marginx: 12,
    marginy: 12,
  });
  for (const box of boxes) graph.setNode(box.id, sizeOf(box));
  for (const [i, arrow] of arrows.entries()) {
    graph.setEdge(arrow.from, arrow.to, { ...labelSize(arrow), labelpos: 'c' }, String(i));
  }
  if (boxes.length > 0) layout(graph);
  const { width = 0, height = 0 } = graph.graph();
  return {
    ...{ width: Math.max(0, width), height: Math.max(0, height) },
    boxes: boxes.map((box) => ({ ...box, ...rectangleOf(graph.node(box.id)) })),
    arrows: arrows.map((arrow, i) => {
      const { points = [], x = 0, y = 0 } = graph.edge(arrow.from, arrow.to, String(i));
      return { ...arrow, path: points, label: { x, y } };
    }),
  };
}

/** In steps: figures that change by a digit shall not move the whole picture. */
function widthOf(letters: number): number {
  return Math.ceil((letters * letterWidth) / 40) * 40;
}

function sizeOf({ kind, name, lines }: Box): Size {
  const longest = Math.max(name.length * 1.2, ...lines.map(({ length }) => length));
  const least = kind === 'service' ? 180 : 120;
  return {
    width: Math.max(least, widthOf(longest) + 20),
    height: 28 + lines.length * lineHeight,
  };
}

function labelSize({ kind, lines }: Arrow): Size {
  const longest = Math.max(0, ...lines.map(({ length }) => length));
  const least = kind === 'calls' ? 120 : 40;
  return { width: Math.max(least, widthOf(longest)) + 8, height: lines.length * lineHeight + 18 };
}

function rectangleOf(node: Partial<Rectangle>): Rectangle {
  const { x = 0, y = 0, width = 0, height = 0 } = node;
  return { x, y, width, height };
}
