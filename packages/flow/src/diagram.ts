// The graph drawn as Mermaid source: generated from what was built, so that it cannot be out of date.
import type { Arrow } from './node.ts';

export interface DiagramNode {
  readonly name: string;
  readonly shape: 'source' | 'transform' | 'group' | 'union';
  readonly arrows: readonly Arrow[];
}

const brackets: Readonly<Record<DiagramNode['shape'], readonly [string, string]>> = {
  source: ['[(', ')]'],
  transform: ['[', ']'],
  group: ['{{', '}}'],
  union: ['([', '])'],
};

/** Solid arrows carry the keys a node is made from, dotted ones what it reads; a label names the index between. */
export function drawDiagram(nodes: readonly DiagramNode[]): string {
  const ids = new Map(nodes.map(({ name }, position) => [name, `n${position}`]));
  const boxes = nodes.map(({ name, shape }) => {
    const [open, close] = brackets[shape];
    return `  ${ids.get(name)}${open}${quote(name)}${close}`;
  });
  const arrows = nodes.flatMap(({ name, arrows }) =>
    arrows.map(({ from, role, via }) => {
      const line = role === 'from' ? '-->' : '-.->';
      const label = via === undefined ? '' : `|${quote(via)}|`;
      return `  ${ids.get(from)} ${line}${label} ${ids.get(name)}`;
    }),
  );
  return ['flowchart LR', ...boxes, ...arrows, ''].join('\n');
}

function quote(text: string): string {
  const escaped = text.replaceAll('&', '&amp;').replaceAll('"', '&quot;').replaceAll('<', '&lt;');
  return `"${escaped}"`;
}
