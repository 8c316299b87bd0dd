// Istio's annotations that say what of a Pod's traffic is captured: read here for everybody, each wrong one refused by name.
import { quote } from '../decode/decoder.ts';
import { suggestion } from '../decode/suggest.ts';
import { type Complaint, refuse, type Walk } from '../decode/walk.ts';
import { isCidr, isIpAddress } from './address.ts';
import type { TextMap } from './shapes.ts';

/** What is not written is left as it is. */
export interface CaptureAnnotations {
  readonly interception?: 'REDIRECT' | 'TPROXY' | 'NONE';
  readonly includeInboundPorts?: '*' | readonly number[];
  readonly excludeInboundPorts?: readonly number[];
  readonly includeOutboundPorts?: readonly number[];
  readonly excludeOutboundPorts?: readonly number[];
  readonly includeOutboundCidrs?: '*' | readonly string[];
  readonly excludeOutboundCidrs?: readonly string[];
  readonly excludeInterfaces?: readonly string[];
  readonly rerouteInterfaces?: readonly string[];
  readonly excludeOutboundUids?: readonly number[];
  readonly excludeOutboundGids?: readonly number[];
}

export interface AnnotationProblem extends Complaint {
  readonly annotation: string;
}

type Reading = CaptureAnnotations | Complaint;

const items = (value: string): readonly string[] =>
  value
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');

interface Reader<T> {
  readonly parse: (item: string) => T | undefined;
  readonly expected: string;
  readonly remedy: string;
}

const whole = (item: string, least: number, most: number): number | undefined =>
  /^\d{1,10}$/.test(item) && Number(item) >= least && Number(item) <= most ? Number(item) : undefined;

const ports: Reader<number> = {
  parse: (item) => whole(item, 1, 65_535),
  expected: 'a port',
  remedy: 'write ports from 1 to 65535 with commas between them, such as "80,443"',
};
const blocks: Reader<string> = {
  parse: (item) => (isIpAddress(item) || isCidr(item) ? item : undefined),
  expected: 'an IP address or block',
  remedy: 'write blocks with commas between them, such as "10.0.0.0/8,fd00::/8"',
};
const owners: Reader<number> = {
  parse: (item) => whole(item, 0, 0xffff_fffe),
  expected: 'a numeric user or group id',
  remedy: 'write ids with commas between them, such as "1000,1001"',
};
const interfaces: Reader<string> = {
  parse: (item) => (/^(?!\.{1,2}$)(?!lo$)[a-zA-Z0-9_.-]{1,15}$/.test(item) ? item : undefined),
  expected: 'the name of a network interface',
  remedy: 'write names with commas between them, such as "eth1,net1"',
};

function listOf<T>(
  reader: Reader<T>,
  value: string,
  make: (list: readonly T[]) => CaptureAnnotations,
): Reading {
  const list: T[] = [];
  for (const item of items(value)) {
    const parsed = reader.parse(item);
    if (parsed === undefined)
      return {
        code: 'invalid-capture-rule',
        message: `${quote(item)} is not ${reader.expected}`,
        remedy: reader.remedy,
      };
    list.push(parsed);
  }
  return make([...new Set(list)]);
}

const isAll = (value: string): boolean => value.trim() === '*';

function interceptionOf(value: string): Reading {
  if (value === 'REDIRECT' || value === 'TPROXY' || value === 'NONE') return { interception: value };
  return {
    code: 'unknown-value',
    message: `${quote(value)} is not a way to capture traffic`,
    remedy: 'write "REDIRECT", "TPROXY" or "NONE"',
  };
}

const prefix = 'traffic.sidecar.istio.io/';
const reroute = (value: string): Reading =>
  listOf(interfaces, value, (rerouteInterfaces) => ({ rerouteInterfaces }));

const readers: ReadonlyMap<string, (value: string) => Reading> = new Map([
  ['sidecar.istio.io/interceptionMode', interceptionOf],
  [
    `${prefix}includeInboundPorts`,
    (value: string) =>
      isAll(value)
        ? { includeInboundPorts: '*' }
        : listOf(ports, value, (includeInboundPorts) => ({ includeInboundPorts })),
  ],
  [
    `${prefix}excludeInboundPorts`,
    (value: string) => listOf(ports, value, (excludeInboundPorts) => ({ excludeInboundPorts })),
  ],
  [
    `${prefix}includeOutboundPorts`,
    (value: string) => listOf(ports, value, (includeOutboundPorts) => ({ includeOutboundPorts })),
  ],
  [
    `${prefix}excludeOutboundPorts`,
    (value: string) => listOf(ports, value, (excludeOutboundPorts) => ({ excludeOutboundPorts })),
  ],
  [
    `${prefix}includeOutboundIPRanges`,
    (value: string) =>
      isAll(value)
        ? { includeOutboundCidrs: '*' }
        : listOf(blocks, value, (includeOutboundCidrs) => ({ includeOutboundCidrs })),
  ],
  [
    `${prefix}excludeOutboundIPRanges`,
    (value: string) => listOf(blocks, value, (excludeOutboundCidrs) => ({ excludeOutboundCidrs })),
  ],
  [
    `${prefix}excludeInterfaces`,
    (value: string) => listOf(interfaces, value, (excludeInterfaces) => ({ excludeInterfaces })),
  ],
  [`${prefix}kubevirtInterfaces`, reroute],
  ['istio.io/reroute-virtual-interfaces', reroute],
  [
    'xebec.io/excludeOutboundUids',
    (value: string) => listOf(owners, value, (excludeOutboundUids) => ({ excludeOutboundUids })),
  ],
  [
    'xebec.io/excludeOutboundGids',
    (value: string) => listOf(owners, value, (excludeOutboundGids) => ({ excludeOutboundGids })),
  ],
]);

const isOurs = (name: string): boolean => name.startsWith(prefix) || readers.has(name);

/** Annotations that have nothing to do with capture are passed over. */
export function readCaptureAnnotations(annotations: TextMap): {
  readonly settings: CaptureAnnotations;
  readonly problems: readonly AnnotationProblem[];
  /** The annotations that change what is captured. */
  readonly names: readonly string[];
} {
  const names: string[] = [];
  let settings: CaptureAnnotations = {};
  const problems: AnnotationProblem[] = [];
  for (const [annotation, value] of Object.entries(annotations)) {
    if (!isOurs(annotation)) continue;
    const read = readers.get(annotation)?.(value) ?? unknown(annotation);
    if ('code' in read) problems.push({ ...read, annotation });
    else settings = { ...settings, ...read };
    if (!('code' in read) && read.interception !== 'REDIRECT') names.push(annotation);
  }
  return { settings, problems, names };
}

const unknown = (annotation: string): Complaint => ({
  code: 'unknown-annotation',
  message: `there is no annotation ${quote(annotation)}: it would change nothing`,
  remedy: suggestion(annotation, [...readers.keys()]),
});

/** Refuses wrong annotations at their place, which is `under` the current one. */
export function checkCaptureAnnotations(annotations: TextMap, walk: Walk, ...under: string[]): boolean {
  const { problems } = readCaptureAnnotations(annotations);
  for (const { annotation, ...complaint } of problems)
    refuse(walk, complaint, ...under, 'annotations', annotation);
  return problems.length === 0;
}
