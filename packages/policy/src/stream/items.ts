// The items of a configuration: objects of the policy service's kinds, and the workloads of the mesh. Each is a text of its own, so that what did not change is the same text.
import type { PolicyObject } from '../configuration/policy-object.ts';

/** A workload as adapters that produce attributes know it. */
export interface KnownWorkloadItem {
  /** `kubernetes://NAME.NAMESPACE`. */
  readonly uid: string;
  readonly name: string;
  readonly namespace: string;
  readonly serviceAccount: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly ips: readonly string[];
  readonly services: readonly {
    readonly host: string;
    readonly name: string;
    readonly namespace: string;
    /** Ports at the workload; empty: all. */
    readonly targetPorts: readonly number[];
  }[];
  /** The Deployment or whatever it is one of. */
  readonly workloadName: string;
  /** `kubernetes://apis/apps/v1/namespaces/NS/deployments/NAME`. */
  readonly owner: string;
}

/** An object of any kind of `config.istio.io/v1alpha2`, also of those that the engine does not read. */
export interface PolicyItem {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly spec: unknown;
  readonly language?: 'cel';
}

export const workloadKey = (namespace: string, name: string): string => `workload/${namespace}/${name}`;

/** Numbers beyond 2^53 are kept as their digits. */
const replaceLarge = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? value.toString() : value;

export const encodeItem = (key: string, item: PolicyItem | KnownWorkloadItem): string =>
  JSON.stringify({ key, item }, replaceLarge);

export interface DecodedItem {
  readonly key: string;
  readonly item: Readonly<Record<string, unknown>>;
}

/** Undefined: not an item. */
export function decodeItem(text: string): DecodedItem | undefined {
  try {
    const value: unknown = JSON.parse(text);
    const key: unknown = Reflect.get(Object(value), 'key');
    const item: unknown = Reflect.get(Object(value), 'item');
    if (typeof key !== 'string' || typeof item !== 'object' || item === null) return undefined;
    return { key, item: { ...item } };
  } catch {
    return undefined;
  }
}

const engineKinds: ReadonlySet<string> = new Set<PolicyObject['kind']>([
  'handler',
  'instance',
  'rule',
  'attributemanifest',
  'adapter',
  'template',
  'HTTPAPISpec',
  'HTTPAPISpecBinding',
  'QuotaSpec',
  'QuotaSpecBinding',
  'QuotaPool',
  'QuotaPlan',
]);

/** The object in an item, if it is one that the engine reads. The sender has checked its body. */
export function objectIn({ key, item }: DecodedItem): PolicyObject | undefined {
  const { kind, namespace, name, spec, language } = item;
  if (typeof kind !== 'string' || !engineKinds.has(kind) || typeof spec !== 'object') return undefined;
  if (typeof namespace !== 'string' || typeof name !== 'string') return undefined;
  const origin = { object: key };
  return {
    ...{ kind, namespace, name, spec, origin },
    ...(language === 'cel' ? { language } : {}),
  } as PolicyObject;
}

export const workloadIn = ({ key, item }: DecodedItem): KnownWorkloadItem | undefined =>
  key.startsWith('workload/') ? (item as unknown as KnownWorkloadItem) : undefined;

const secretPrefix = 'secret/';

/** `secret/NAMESPACE/NAME/KEY`. */
export const secretKey = (namespace: string, name: string, key: string): string =>
  `${secretPrefix}${namespace}/${name}/${key}`;

export const isSecretKey = (key: string): boolean => key.startsWith(secretPrefix);

export const encodeSecret = (key: string, content: Uint8Array): string =>
  JSON.stringify({
    key,
    item: { content: btoa(Array.from(content, (byte) => String.fromCharCode(byte)).join('')) },
  });

/** `NAMESPACE/NAME/KEY` and what is there; undefined: it is no secret. */
export function secretIn({ key, item }: DecodedItem): readonly [string, Uint8Array] | undefined {
  const { content } = item;
  if (!isSecretKey(key) || typeof content !== 'string') return undefined;
  return [key.slice(secretPrefix.length), Uint8Array.from(atob(content), (letter) => letter.charCodeAt(0))];
}
