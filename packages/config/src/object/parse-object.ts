// From a raw object to a valid one of a known kind, or to everything that is wrong with it.
import { type Diagnostic, fail, type Origin, type Result, succeed } from '@xebec/std';
import { newPolicyKind } from '../convert/policy-kinds.ts';
import { quote } from '../decode/decoder.ts';
import { type Caution, type Complaint, formatPath, type Path, startWalk } from '../decode/walk.ts';
import type { AnyObject } from '../kinds/kind-map.ts';
import { type AnyKind, kindOf, kinds, nearestKind, objectKey, splitApiVersion } from '../kinds/registry.ts';
import type { ConfigObject, KindDefinition, Metadata, ParseOptions, RawObject } from '../types.ts';
import { emptyMap, isMap, plainMapOf } from '../values/plain-map.ts';
import { decodeMetadata } from './metadata.ts';

type Manifest = Readonly<Record<string, unknown>>;

const nobody: Metadata = { name: '', namespace: '', labels: emptyMap, annotations: emptyMap };

/** Parses, defaults and validates one object. Never throws for what somebody wrote. */
export function parseObject(raw: RawObject, options: ParseOptions): Result<AnyObject> {
  if (!isMap(raw.value)) {
    const message = 'the document is not an object';
    return fail(
      problemAt(raw, [], { code: 'wrong-type', message, remedy: 'write apiVersion, kind and metadata' }),
    );
  }
  const kind = findKind(raw, raw.value);
  return 'code' in kind ? fail(kind) : parseKnown(raw, raw.value, { kind, options });
}

function parseKnown(
  raw: RawObject,
  manifest: Manifest,
  { kind, options }: { kind: AnyKind; options: ParseOptions },
): Result<AnyObject> {
  const walk = startWalk(nobody);
  const rules = { ...namingRules(kind), ...options };
  const metadata = decodeMetadata(manifest['metadata'], rules, walk);
  const name = metadata === undefined ? undefined : objectKey(kind.kind, metadata.namespace, metadata.name);
  const at = (path: Path, complaint: Caution & { readonly severity?: Diagnostic['severity'] }): Diagnostic =>
    problemAt(raw, path, complaint, name);
  const found = walk.problems.map(({ path, ...problem }) => at(path, problem));
  const spec = kind.parseSpec(manifest, { metadata: metadata ?? nobody, at });
  if (metadata === undefined || !spec.ok) {
    return fail(...[...found, ...(spec.ok ? [] : spec.diagnostics)].sort(byPlace));
  }
  const object: ConfigObject = {
    kind: kind.kind,
    apiVersion: String(manifest['apiVersion']),
    metadata,
    spec: spec.value,
    manifest: withNamespace(manifest, metadata),
  };
  return succeed(object as AnyObject, [...found, ...spec.warnings]);
}

const namingRules = ({
  kind,
  isNamespaced,
  nameRule,
}: AnyKind): Pick<KindDefinition, 'kind' | 'isNamespaced' | 'nameRule'> => ({
  kind,
  isNamespaced,
  nameRule,
});

/** The manifest says its namespace, so that it means the same wherever it is read again. */
function withNamespace(manifest: Manifest, metadata: Metadata): Manifest {
  const written = manifest['metadata'];
  if (!isMap(written) || metadata.namespace === '' || written['namespace'] === metadata.namespace)
    return manifest;
  const copy = plainMapOf<unknown>(manifest);
  const { name, ...rest } = written;
  copy['metadata'] = { name, namespace: metadata.namespace, ...rest };
  return copy;
}

const byPlace = ({ origin: left }: Diagnostic, { origin: right }: Diagnostic): number =>
  (left?.line ?? 0) - (right?.line ?? 0) || (left?.column ?? 0) - (right?.column ?? 0);

function findKind(raw: RawObject, { apiVersion, kind }: Manifest): AnyKind | Diagnostic {
  for (const [field, value] of Object.entries({ apiVersion, kind })) {
    if (typeof value === 'string' && value !== '') continue;
    const message =
      value === undefined || value === null ? `the object has no ${field}` : `${field} must be text`;
    return problemAt(raw, [field], { code: 'missing-field', message, remedy: `add "${field}"` });
  }
  const version = String(apiVersion);
  const word = String(kind);
  return kindOf(version, word) ?? problemAt(raw, ...unknownKind(version, word));
}

function unknownKind(apiVersion: string, word: string): [Path, Complaint] {
  const same = kinds.find(({ kind }) => kind === word);
  const { group } = splitApiVersion(apiVersion);
  if (same !== undefined) {
    const known = same.versions.map((version) => (same.group === '' ? version : `${same.group}/${version}`));
    const code = same.group === group ? 'unknown-version' : 'unknown-kind';
    const message = `there is no ${word} in ${quote(apiVersion)}`;
    return [['apiVersion'], { code, message, remedy: `write apiVersion: ${known.join(' or ')}` }];
  }
  const today = splitApiVersion(apiVersion).group === 'config.istio.io' ? newPolicyKind(word) : undefined;
  if (today !== undefined) {
    const message = `${quote(word)} is a kind of Istio 1.0; it is a ${today} today`;
    const field = today === 'handler' ? 'compiledAdapter' : 'compiledTemplate';
    const remedy = `write kind: ${today} with ${field}: ${word} and params, or let "xebec convert" do it`;
    return [['kind'], { code: 'unknown-kind', message, remedy }];
  }
  const near = nearestKind(word);
  const list = `kinds known here: ${kinds.map(({ kind }) => kind).join(', ')}`;
  const remedy = near === undefined ? list : `did you mean "${near}"? ${list}`;
  return [['kind'], { code: 'unknown-kind', message: `${quote(word)} is not a kind known here`, remedy }];
}

function problemAt(
  raw: RawObject,
  path: Path,
  complaint: Caution & { readonly severity?: Diagnostic['severity'] },
  object?: string,
): Diagnostic {
  const place: Origin = path.length === 0 ? raw.origin : raw.locate(path);
  return {
    severity: 'error',
    ...complaint,
    origin: object === undefined ? place : { ...place, object },
    ...(path.length === 0 ? {} : { field: formatPath(path) }),
  };
}
