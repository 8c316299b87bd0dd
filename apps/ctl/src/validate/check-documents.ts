// The check behind `validate` and `up`: the same parser and analysis as the control plane's, without one.
import {
  type AnyObject,
  keyOf,
  type ObjectKey,
  parseDocuments,
  parseObject,
  type RawObject,
} from '@xebec/config';
import type { Diagnostic } from '@xebec/std';
import { gatewayDeployment } from '../documents/gateway-deployment.ts';
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
const missingCodes: ReadonlySet<string> = new Set([
  'delegate-unknown',
  'destination-hidden',
  'destination-port-unknown',
  'destination-subset-unknown',
  'destination-unknown',
  'gateway-secret-invalid',
  'gateway-secret-missing',
  'gateway-unknown',
  'service-unknown',
  'target-port-unknown',
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
  const gateways = local.files.flatMap(({ images }) => images.gateways).map(gatewayDeployment);
  const findings = await findTogether([...[...known.values()].map(({ raw }) => raw), ...gateways], options);
  const mistakes = await findMistakes(known.values());
  const images = options.runsHere === true ? unknownImages(known.values(), local) : [];
  const all = [...diagnostics, ...findings, ...mistakes, ...images].map(graded(options)).sort(byPlace);
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

/** The same analysis as `xebec analyze` makes. */
async function findTogether(
  raws: readonly RawObject[],
  { defaultNamespace }: CheckOptions,
): Promise<readonly Diagnostic[]> {
  const { analyzeTogether, warningOf } = await import('@xebec/control-plane');
  return analyzeTogether(raws, { defaultNamespace }).flatMap((finding) => warningOf(finding) ?? []);
}

/** What the compiler of the policy service would say. */
async function findMistakes(known: Iterable<Known>): Promise<readonly Diagnostic[]> {
  const { policyMistakes } = await import('@xebec/control-plane');
  return policyMistakes(known);
}

function byPlace({ origin: left = {} }: Diagnostic, { origin: right = {} }: Diagnostic): number {
  const files = (left.file ?? '').localeCompare(right.file ?? '');
  if (files !== 0) return files;
  return (left.line ?? 0) - (right.line ?? 0) || (left.column ?? 0) - (right.column ?? 0);
}
