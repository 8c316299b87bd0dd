// Draws the pages' diagrams from the pipeline itself: what is drawn by hand is soon wrong, so nothing is.
// `npx tsx docs/generate-architecture.ts` writes them; apps/control-plane/src/architecture.test.ts fails when they are stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createPipeline, type Pipeline } from '@xebec/control-plane';

interface DiagramNode {
  readonly id: string;
  readonly name: string;
}

interface Diagram {
  readonly nodes: readonly DiagramNode[];
  /** Ids of the nodes that each node is made from or reads. */
  readonly inputs: ReadonlyMap<string, ReadonlySet<string>>;
}

const box = /^ {2}(n\d+)[[({]+"(.*?)"[\])}]+$/;
const arrow = /^ {2}(n\d+) -\S*>(?:\|".*"\|)? (n\d+)$/;

/** Reads what `graph.diagram()` printed. */
function readDiagram(text: string): Diagram {
  const nodes: DiagramNode[] = [];
  const inputs = new Map<string, Set<string>>();
  for (const line of text.split('\n')) {
    const [, id, name] = box.exec(line) ?? [];
    if (id !== undefined && name !== undefined) nodes.push({ id, name });
    const [, from, to] = arrow.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const known = inputs.get(to) ?? new Set<string>();
    inputs.set(to, known.add(from));
  }
  return { nodes, inputs };
}

/** The shown nodes that a node depends on, looking through those that are not shown. */
function shownInputs(id: string, { inputs }: Diagram, isShown: (id: string) => boolean): readonly string[] {
  const found = new Set<string>();
  const seen = new Set<string>();
  const visit = (each: string): void => {
    for (const input of inputs.get(each) ?? []) {
      if (isShown(input)) found.add(input);
      else if (!seen.has(input)) {
        seen.add(input);
        visit(input);
      }
    }
  };
  visit(id);
  return [...found];
}

interface Stage {
  readonly title: string;
  readonly names: ReadonlySet<string>;
}

/** What the store and the rest of the app write, what the mesh offers, and what proxies are served. */
function stagesOf({ mesh, resources }: Pipeline, { nodes, inputs }: Diagram): readonly Stage[] {
  const used = new Set([...inputs.values()].flatMap((ids) => [...ids]));
  // The settings go nearly everywhere: drawn, they would hide the rest.
  const written = nodes.filter(({ id, name }) => !inputs.has(id) && used.has(id) && name !== 'settings');
  return [
    { title: 'sources', names: new Set(written.map(({ name }) => name)) },
    { title: 'mesh', names: new Set(Object.values(mesh).map(({ name }) => name)) },
    { title: 'envoy', names: new Set(resources.map(({ resources: { name } }) => name)) },
  ];
}

const indent = (lines: readonly string[]): readonly string[] => lines.map((line) => `  ${line}`);

/** Only what goes in and what comes out of each stage. */
export function drawOverview(pipeline: Pipeline): string {
  const diagram = readDiagram(pipeline.graph.diagram());
  const stages = stagesOf(pipeline, diagram);
  const shown = diagram.nodes.filter(({ name }) => stages.some(({ names }) => names.has(name)));
  const ids = new Set(shown.map(({ id }) => id));
  const boxes = stages.flatMap(({ title, names }) => [
    `subgraph ${title}`,
    ...indent(shown.filter(({ name }) => names.has(name)).map(({ id, name }) => `${id}["${name}"]`)),
    'end',
  ]);
  const arrows = shown.flatMap(({ id }) =>
    shownInputs(id, diagram, (each) => ids.has(each)).map((input) => `${input} --> ${id}`),
  );
  return ['flowchart LR', ...indent([...boxes, ...arrows]), ''].join('\n');
}

interface Drawing {
  readonly file: string;
  readonly mermaid: string;
}

/** The diagrams and the pages that hold them. */
export function drawings(): readonly Drawing[] {
  const pipeline = createPipeline({ clock: () => 0 });
  return [
    { file: 'architecture.md', mermaid: drawOverview(pipeline) },
    { file: 'architecture-graph.md', mermaid: pipeline.graph.diagram() },
  ];
}

const block = /(<!-- generated: begin -->\n)[\s\S]*?(<!-- generated: end -->)/;

/** The page with its diagram replaced. */
export function withDrawing(page: string, mermaid: string): string {
  if (!block.test(page)) throw new Error('the page has no lines "<!-- generated: begin -->" and "end"');
  return page.replace(
    block,
    (_all, begin: string, end: string) => `${begin}\n\`\`\`mermaid\n${mermaid}\`\`\`\n\n${end}`,
  );
}

export const pageOf = (file: string): string => join(dirname(fileURLToPath(import.meta.url)), file);

if (process.argv[1] !== undefined && resolve(process.argv[1]) === fileURLToPath(import.meta.url)) {
  for (const { file, mermaid } of drawings()) {
    const page = readFileSync(pageOf(file), 'utf8');
    writeFileSync(pageOf(file), withDrawing(page, mermaid));
  }
}
