// The check behind `validate` and `up`: the same parser and analysis as the control plane's, without one.
import {
  type AnyObject,
  analyze,
  type KindName,
  keyOf,
  type ObjectKey,
  type ObjectLookup,
  type ObjectOf,
  parseDocuments,
  parseObject,
  type RawObject,
  rawObject,
} from '@xebec/config';
import type { Diagnostic, Origin } from '@xebec/std';
import { hasLocalDocuments, withoutLocalDocuments } from '../documents/local-documents.ts';
import type { ReadLocalImages } from '../documents/local-images.ts';
import type { SourceText } from '../documents/read-documents.ts';

export interface CheckOptions {
  readonly defaultNamespace: string;
  readonly cwd: string;
  /** Whether every image needs a command: on this machine, not on a cluster. */
  readonly runsHere?: boolean;
  /** How grave a reference is that leads to nothing in these documents. */
  readonly missing: 'error' | 'warning';
  /** The same for fields that a kind of Kubernetes does not have; those of Istio's kinds are always errors. */
  readonly unknownFields: 'error' | 'warning';
}

export interface CheckedDocuments {
  readonly isValid: boolean;
  /** How many objects there are, good or bad. */
  readonly objects: number;
  /** In the order of files and lines. */
  readonly diagnostics: readonly Diagnostic[];
  readonly local: ReadLocalImages;
}

/** References that make what is written not work at all; other findings may be meant. */
const missingCodes = new Set([
  'unknown-host',
  'unknown-subset',
  'unknown-gateway',
  'unknown-port',
  'unknown-secret',
  'incomplete-secret',
  'unknown-service',
]);

export async function checkDocuments(
  texts: readonly SourceText[],
  options: CheckOptions,
): Promise<CheckedDocuments> {
  const diagnostics: Diagnostic[] = [];
  const known = new Map<ObjectKey, Known>();
  let count = 0;
  for (const { file, text } of withoutLocalDocuments(texts)) {
    const parsed = parseDocuments(text, file);
    diagnostics.push(...parsed.diagnostics);
    count += parsed.objects.length;
    for (const raw of parsed.objects) diagnostics.push(...addObject(known, raw, options));
  }
  const local = await readLocal(texts.filter(hasLocalDocuments), options.cwd);
  diagnostics.push(...local.diagnostics);
  const gateways = local.files.flatMap(({ images }) => images.gateways).map(deploymentOf);
  for (const gateway of gateways) addObject(known, gateway, options);
  const findings = analyze(lookupOf(known));
  const images = options.runsHere === true ? unknownImages(known.values(), local) : [];
  const all = [...diagnostics, ...findings, ...images].map(graded(options)).sort(byPlace);
  const isValid = !all.some(({ severity }) => severity === 'error');
  return { isValid, objects: count + local.files.length, diagnostics: all, local };
}

const graded =
  ({ missing, unknownFields }: CheckOptions) =>
  (diagnostic: Diagnostic): Diagnostic => {
    if (diagnostic.severity === 'error') return diagnostic;
    if (missingCodes.has(diagnostic.code)) return { ...diagnostic, severity: missing };
    return diagnostic.code === 'unknown-field' ? { ...diagnostic, severity: unknownFields } : diagnostic;
  };

/** The agent's reader is loaded only where there is something for it to read. */
async function readLocal(texts: readonly SourceText[], cwd: string): Promise<ReadLocalImages> {
  if (texts.length === 0) return { files: [], diagnostics: [] };
  const { readLocalImages } = await import('../documents/local-images.ts');
  return readLocalImages(texts, cwd);
}

/** Images that no LocalImages document gives a command. */
function unknownImages(known: Iterable<Known>, { files }: ReadLocalImages): readonly Diagnostic[] {
  const mapped = new Set(files.flatMap(({ images }) => images.images.map(({ image }) => image)));
  const diagnostics: Diagnostic[] = [];
  for (const { object, raw } of known) {
    if (object.kind !== 'Deployment' || raw.origin.file === undefined) continue;
    for (const [index, { image }] of object.spec.template.body.containers.entries()) {
      if (mapped.has(image)) continue;
      diagnostics.push({
        severity: 'error',
        code: 'unknown-image',
        message: `no LocalImages document says which command stands for "${image}"`,
        remedy: `add it to xebec.local.yaml: - { image: "${image}", command: [node, server.mjs] }`,
        field: `spec.template.spec.containers[${index}].image`,
        origin: raw.locate(['spec', 'template', 'spec', 'containers', index, 'image']),
      });
    }
  }
  return diagnostics;
}

interface Known {
  readonly object: AnyObject;
  readonly raw: RawObject;
}

function addObject(
  known: Map<ObjectKey, Known>,
  raw: RawObject,
  { defaultNamespace }: CheckOptions,
): readonly Diagnostic[] {
  const parsed = parseObject(raw, { defaultNamespace });
  if (!parsed.ok) return parsed.diagnostics;
  const key = keyOf(parsed.value);
  const first = known.get(key);
  known.set(key, { object: parsed.value, raw });
  return first === undefined ? parsed.warnings : [...parsed.warnings, duplicate(key, raw, first.raw)];
}

const duplicate = (key: ObjectKey, raw: RawObject, first: RawObject): Diagnostic => ({
  severity: 'error',
  code: 'duplicate-object',
  message: `${key} is written twice; first in ${first.origin.file}:${first.origin.line}`,
  remedy: 'keep one of them, or give this one another name',
  origin: raw.origin,
});

function lookupOf(known: ReadonlyMap<ObjectKey, Known>): ObjectLookup {
  return {
    *list<K extends KindName>(kind: K): Iterable<ObjectOf<K>> {
      for (const { object } of known.values()) if (isOfKind(object, kind)) yield object;
    },
    locate: (key, path): Origin | undefined => known.get(key)?.raw.locate(path),
  };
}

/** The gateway that the agent runs beside the workloads, as the Deployment it would be on a cluster. */
function deploymentOf({ name, namespace, labels }: GatewayOnThisMachine): RawObject {
  return rawObject(
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name, namespace },
      spec: {
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'istio-proxy', image: 'auto' }] } },
      },
    },
    { object: `LocalImages gateway ${name}` },
  );
}

type GatewayOnThisMachine = { readonly name: string; readonly namespace: string; readonly labels: object };

function isOfKind<K extends KindName>(object: AnyObject, kind: K): object is Extract<AnyObject, ObjectOf<K>> {
  return object.kind === kind;
}

function byPlace({ origin: left = {} }: Diagnostic, { origin: right = {} }: Diagnostic): number {
  const files = (left.file ?? '').localeCompare(right.file ?? '');
  if (files !== 0) return files;
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}
