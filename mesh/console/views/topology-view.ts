import { type Html, html } from '../html.ts';
import { type Placed, type Point, place } from '../layout.ts';
import type { Topology } from '../topology.ts';
import { signOf, wordOf } from './marks.ts';

/** The picture of the mesh. What it says is in the tables beneath too, for whoever cannot see it. */
export function topologyView(topology: Topology): Html {
  if (topology.boxes.length === 0) {
    return html`<p class="empty">No service is known yet. One that registers in Consul appears here by itself.</p>`;
  }
  const placed = place(topology);
  const [width, height] = [Math.ceil(placed.width), Math.ceil(placed.height)];
  return html`<div class="scroll picture" tabindex="0" role="region" aria-label="Topology">
<svg viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="${summary(topology)}">
<defs>${['failing', 'uneasy', 'well', 'idle'].map(
    (verdict) =>
      html`<marker id="head-${verdict}" class="head ${verdict}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z"/></marker>`,
  )}</defs>
${placed.arrows.map(arrowView)}
${placed.boxes.map(boxView)}
</svg></div>`;
}

function summary({ boxes, arrows }: Topology): string {
  const services = boxes.filter(({ kind }) => kind === 'service').length;
  const failing = [...boxes, ...arrows].filter(({ verdict }) => verdict === 'failing').length;
  const state = failing === 0 ? 'nothing is failing' : `${failing} failing`;
  return `${services} services and ${arrows.length} ways between them; ${state}`;
}

function arrowView(arrow: Placed['arrows'][number]): Html {
  const { kind, verdict, lines, path, label, from, to } = arrow;
  const title = `${nameOf(from)} → ${nameOf(to)}: ${lines.join(', ')} (${wordOf(verdict)})`;
  // Above the line, so that it does not strike them out.
  const top = label.y - (lines.length - 1) * 15 - 5;
  return html`<g class="arrow ${kind} ${verdict}"><title>${title}</title>
<path d="${curve(path)}" marker-end="url(#head-${verdict})"/>
${lines.map((line, i) => html`<text x="${tidy(label.x)}" y="${tidy(top + i * 15)}">${line}</text>`)}</g>
`;
}

function boxView(box: Placed['boxes'][number]): Html {
  const { kind, verdict, name, lines, x, y, width, height } = box;
  const left = x - width / 2;
  const top = y - height / 2;
  const corner = kind === 'service' ? 8 : height / 2;
  return html`<g class="box ${kind} ${verdict}"><title>${name}: ${lines.join(', ')} (${wordOf(verdict)})</title>
<rect x="${tidy(left)}" y="${tidy(top)}" width="${tidy(width)}" height="${tidy(height)}" rx="${tidy(corner)}"/>
<text class="name" x="${tidy(x)}" y="${tidy(top + 20)}">${verdict === 'idle' ? '' : `${signOf(verdict)} `}${name}</text>
${lines.map((line, i) => html`<text x="${tidy(x)}" y="${tidy(top + 37 + i * 15)}">${line}</text>`)}</g>
`;
}

/** Through the middles of the legs, bent at their ends. */
function curve(points: readonly Point[]): string {
  const [first, ...rest] = points;
  const last = rest.pop();
  if (first === undefined || last === undefined) return '';
  const bends = rest.map((point, i) => {
    const next = rest[i + 1] ?? last;
    const to =
      i === rest.length - 1 ? last : { x: (point.x + next.x) / 2, y: (point.y + next.y) / 2 };
    return `Q${tidy(point.x)} ${tidy(point.y)} ${tidy(to.x)} ${tidy(to.y)}`;
  });
  const way = bends.length === 0 ? `L${tidy(last.x)} ${tidy(last.y)}` : bends.join('');
  return `M${tidy(first.x)} ${tidy(first.y)}${way}`;
}

function tidy(pixels: number): number {
  return Math.round(pixels * 10) / 10;
}

function nameOf(id: string): string {
  return id.slice(id.indexOf(' ') + 1);
}
