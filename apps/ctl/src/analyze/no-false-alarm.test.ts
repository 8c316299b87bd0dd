// What we deliver and what we show in the documentation is as it should be: nothing is found in it that would be told as a mistake.
import { readdirSync, readFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import type { SourceText } from '../documents/read-documents.ts';
import { findDocuments } from './find-documents.ts';

const root = fileURLToPath(new URL('../../../../', import.meta.url));
const bookinfo = join(root, 'samples/bookinfo');

const yamlIn = (folder: string): readonly SourceText[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => ({ file: join(folder, name), text: readFileSync(join(folder, name), 'utf8') }));

/** Nobody's key is in the documentation. */
const placeholder = 'tls.crt is not a certificate in PEM';

/** What is graver than information. */
async function mistakesIn(texts: readonly SourceText[]): Promise<readonly string[]> {
  const { findings } = await findDocuments(texts, { cwd: root, defaultNamespace: 'default' });
  return findings
    .filter(({ severity, message }) => severity !== 'info' && !message.includes(placeholder))
    .map(({ code, origin, message }) => `${code} ${basename(origin)} ${message}`);
}

describe('the sample', () => {
  const routing = yamlIn(join(bookinfo, 'routing'));
  const subsets = routing.filter(({ file }) => file.endsWith('destination-rule-all.yaml'));

  it('has no findings at all', async () => {
    const { findings } = await findDocuments(yamlIn(bookinfo), { cwd: root, defaultNamespace: 'default' });
    expect(findings).toEqual([]);
  });

  it.each(routing.map((each) => [basename(each.file), each] as const))('%s', async (_name, each) => {
    const others = subsets.filter(({ file }) => file !== each.file);
    expect(await mistakesIn([...yamlIn(bookinfo), ...others, each])).toEqual([]);
  });
});

/** What the pages of gateways start from, in the words of a cluster. */
const egressGateway = `apiVersion: apps/v1
kind: Deployment
metadata: { name: istio-egressgateway, namespace: istio-system }
spec:
  selector: { matchLabels: { istio: egressgateway } }
  template:
    metadata: { labels: { istio: egressgateway }, annotations: { inject.istio.io/templates: gateway } }
    spec: { containers: [{ name: istio-proxy, image: auto }] }
`;

const example = /```ya?ml\n(.*?)```/gs;
const pages = ['docs/kinds', 'docs/guides'].flatMap((folder) =>
  readdirSync(join(root, folder)).map((name) => join(folder, name)),
);

describe('the examples of a page, together with the sample', () => {
  const sample = [...yamlIn(bookinfo), { file: 'egress-gateway.yaml', text: egressGateway }];

  it.each(pages)('%s', async (page) => {
    const examples = [...readFileSync(join(root, page), 'utf8').matchAll(example)]
      .map(([, text = '']) => text)
      .filter((text) => /^apiVersion:/m.test(text));
    if (examples.length === 0) return;
    const others = sample.map(({ file, text }) => ({ file, text: without(text, examples) }));
    const own = examples.map((text, at) => ({
      file: `${page}-${at}.yaml`,
      text: withoutTwins(text, examples, at),
    }));
    expect(await mistakesIn([...others, ...own])).toEqual([]);
  });
});

/** `Kind/name` of a document. */
function nameOf(document: string): string {
  const kind = /^kind: *(\S+)/m.exec(document)?.[1] ?? '';
  const name = /^metadata:.*?\bname: *"?([\w.-]+)/ms.exec(document)?.[1] ?? '';
  return `${kind}/${name}`;
}

const namesIn = (text: string): readonly string[] => text.split(/^---$/m).map(nameOf);

/** Documents that an example shows in another form give way to it. */
function without(text: string, examples: readonly string[]): string {
  const shown = new Set(examples.flatMap(namesIn));
  const documents = text.split(/^---$/m);
  return documents.filter((each) => each.includes('LocalImages') || !shown.has(nameOf(each))).join('---');
}

/** Of an object that a page shows several times the first one counts. */
function withoutTwins(text: string, examples: readonly string[], at: number): string {
  const earlier = new Set(examples.slice(0, at).flatMap(namesIn));
  return text
    .split(/^---$/m)
    .filter((each) => !earlier.has(nameOf(each)))
    .join('---');
}
