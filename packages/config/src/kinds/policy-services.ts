// The services that a QuotaSpecBinding or HTTPAPISpecBinding is for, as `istio.mixer.v1.config.client.IstioService` names them.
import { andThen, type Decoder, list, quote } from '../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../decode/walk.ts';
import { hostName } from '../values/host.ts';
import { dnsLabel, dnsSubdomain } from '../values/names.ts';
import { emptyMap } from '../values/plain-map.ts';
import type { TextMap } from '../values/shapes.ts';
import { labels } from '../values/text-map.ts';

/** One service, or those of a namespace. */
export interface ServiceReference {
  /** A name, `*` for all of the namespace. */
  readonly name: string;
  /** `*`: every namespace. */
  readonly namespace: string;
  /** The whole host where it is no name of the cluster: `api.example.com`; `name` is the same then. */
  readonly host?: string;
  /** Of the service's workloads; all must be there. */
  readonly labels: TextMap;
}

export interface NamedObject {
  readonly name: string;
  readonly namespace: string;
}

const shape = {
  name: optional(hostName({ any: true })),
  service: optional(hostName({ any: true })),
  namespace: optional(dnsLabel),
  domain: optional(hostName()),
  labels: withDefault<TextMap>(labels, emptyMap),
};

type Written = Decoded<typeof shape>;

const conflict = (field: string): Complaint => ({
  code: 'conflicting-fields',
  message: `service names a host whole, and "${field}" again`,
  remedy: `keep one: name with ${field}, or service`,
});

function readHost(host: string, value: Written, walk: Walk): ServiceReference | undefined {
  for (const field of ['namespace', 'domain'] as const)
    if (value[field] !== undefined) return refuse(walk, conflict(field), field);
  if (host === '*') return { name: '*', namespace: '*', labels: value.labels };
  const [, name, namespace] = /^([^.]+)\.([^.]+)\.svc\b/.exec(host) ?? [];
  return name === undefined || namespace === undefined
    ? { name: host, namespace: walk.metadata.namespace, host, labels: value.labels }
    : { name, namespace, labels: value.labels };
}

function readReference(value: Written, walk: Walk): ServiceReference | undefined {
  if (!exactlyOne({ name: value.name, service: value.service }, ['name', 'service'], walk)) return undefined;
  if (value.service !== undefined) return readHost(value.service, value, walk);
  const { name = '*', namespace = walk.metadata.namespace, domain } = value;
  const host = domain === undefined || domain.startsWith('svc') ? {} : { host: `${name}.${domain}` };
  if (name === '*' || !name.includes('.')) return { name, namespace, ...host, labels: value.labels };
  const message = `${quote(name)} is more than the name of a service in its namespace`;
  return refuse(walk, { code: 'invalid-name', message, remedy: 'write it as "service"' }, 'name');
}

const reference: Decoder<ServiceReference> = andThen(object(shape), readReference);

export const serviceReferences = required(list(reference, { least: 1, most: 10_000 }));

const named: Decoder<NamedObject> = andThen(
  object({ name: required(dnsSubdomain), namespace: optional(dnsLabel) }),
  ({ name, namespace }, walk) => ({ name, namespace: namespace ?? walk.metadata.namespace }),
);

/** The specs that are bound. */
export const namedObjects = required(list(named, { least: 1, most: 1_000 }));
