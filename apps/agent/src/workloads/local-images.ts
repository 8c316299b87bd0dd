// LocalImages: which command stands for which image when workloads run as local processes, and which gateways run beside them.
import type { Diagnostic, Result } from '@xebec/std';
import { fail, succeed } from '@xebec/std';
import { isRecord } from '../control/object-watch.ts';

export interface LocalImage {
  readonly image: string;
  /** The program and its arguments; relative paths are relative to the file's directory. */
  readonly command: readonly string[];
}

export interface LocalGatewayPort {
  readonly name: string;
  /** The port that Gateway objects name. */
  readonly port: number;
  /** Where it listens on this machine; the next free port is taken when this one is not. */
  readonly hostPort: number;
}

export interface LocalGateway {
  readonly name: string;
  readonly namespace: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ports: readonly LocalGatewayPort[];
  /** Default: `NAME-service-account`, as Istio names it. */
  readonly serviceAccountName: string;
}

export interface LocalImages {
  /** Where the commands run. */
  readonly directory: string;
  readonly images: readonly LocalImage[];
  readonly gateways: readonly LocalGateway[];
}

const localImagesApiVersion = 'local.xebec.io/v1alpha1';

export interface LocalImagesPlace {
  readonly file: string;
  readonly directory: string;
}

/** Reads one document of kind `LocalImages`, given as plain data; unknown fields are refused. */
export function parseLocalImages(value: unknown, place: LocalImagesPlace): Result<LocalImages> {
  const problems: Diagnostic[] = [];
  const read = createReader(problems, place.file);
  const body = read.record(value, '', ['apiVersion', 'kind', 'metadata', 'images', 'gateways']);
  if (body['apiVersion'] !== localImagesApiVersion || body['kind'] !== 'LocalImages') {
    read.refuse(
      'kind',
      `is not ${localImagesApiVersion} LocalImages`,
      `write apiVersion: ${localImagesApiVersion} and kind: LocalImages`,
    );
  }
  const images = read
    .list(body['images'], 'images')
    .map((image, index) => readImage(read, image, `images[${index}]`));
  const gateways = read
    .list(body['gateways'], 'gateways')
    .map((gateway, index) => readGateway(read, gateway, `gateways[${index}]`));
  return problems.length > 0 ? fail(...problems) : succeed({ directory: place.directory, images, gateways });
}

function readImage(read: Reader, value: unknown, at: string): LocalImage {
  const body = read.record(value, at, ['image', 'command']);
  const command = read
    .list(body['command'], `${at}.command`)
    .map((part, index) => read.text(part, `${at}.command[${index}]`));
  if (command.length === 0)
    read.refuse(`${at}.command`, 'is missing', 'write the program and its arguments as a list');
  return { image: read.text(body['image'], `${at}.image`), command };
}

function readGateway(read: Reader, value: unknown, at: string): LocalGateway {
  const known = ['name', 'namespace', 'labels', 'annotations', 'ports', 'serviceAccountName'];
  const body = read.record(value, at, known);
  const name = read.text(body['name'], `${at}.name`);
  const serviceAccountName = body['serviceAccountName'] ?? `${name}-service-account`;
  return {
    name,
    namespace: read.text(body['namespace'] ?? 'istio-system', `${at}.namespace`),
    labels: readTexts(read, body['labels'], `${at}.labels`),
    ...(body['annotations'] === undefined
      ? {}
      : { annotations: readTexts(read, body['annotations'], `${at}.annotations`) }),
    ports: read
      .list(body['ports'], `${at}.ports`)
      .map((port, index) => readPort(read, port, `${at}.ports[${index}]`)),
    serviceAccountName: read.text(serviceAccountName, `${at}.serviceAccountName`),
  };
}

function readTexts(read: Reader, value: unknown, at: string): Readonly<Record<string, string>> {
  const entries = Object.entries(read.record(value ?? {}, at, undefined));
  return Object.fromEntries(entries.map(([key, text]) => [key, read.text(text, `${at}.${key}`)]));
}

function readPort(read: Reader, value: unknown, at: string): LocalGatewayPort {
  const body = read.record(value, at, ['name', 'port', 'hostPort']);
  const port = read.port(body['port'], `${at}.port`);
  return {
    name: read.text(body['name'], `${at}.name`),
    port,
    hostPort: body['hostPort'] === undefined ? port : read.port(body['hostPort'], `${at}.hostPort`),
  };
}

interface Reader {
  refuse(field: string, message: string, remedy: string): void;
  record(
    value: unknown,
    field: string,
    known: readonly string[] | undefined,
  ): Readonly<Record<string, unknown>>;
  list(value: unknown, field: string): readonly unknown[];
  text(value: unknown, field: string): string;
  port(value: unknown, field: string): number;
}

function createReader(problems: Diagnostic[], file: string): Reader {
  const refuse = (field: string, message: string, remedy: string): void => {
    problems.push({ severity: 'error', code: 'bad-local-images', message, remedy, field, origin: { file } });
  };
  return {
    refuse,
    record(value, field, known) {
      if (!isRecord(value)) {
        refuse(field, 'is not a map', 'write KEY: VALUE lines');
        return {};
      }
      const unknown = known === undefined ? [] : Object.keys(value).filter((key) => !known.includes(key));
      for (const key of unknown)
        refuse(field === '' ? key : `${field}.${key}`, 'is not a known field', `use ${known?.join(', ')}`);
      return value;
    },
    list(value, field) {
      if (value === undefined || Array.isArray(value)) return value ?? [];
      refuse(field, 'is not a list', 'write one "- " line an item');
      return [];
    },
    text(value, field) {
      if (typeof value === 'string' && value !== '') return value;
      refuse(field, 'is missing or not a text', 'write a text, in quotes when it looks like a number');
      return '';
    },
    port(value, field) {
      if (typeof value === 'number' && Number.isInteger(value) && value > 0 && value < 65_536) return value;
      refuse(field, 'is not a port', 'write a whole number from 1 to 65535');
      return 0;
    },
  };
}
