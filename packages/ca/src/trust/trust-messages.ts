// The messages of `xebec.identity.v1.Trust/Follow`, each a google.protobuf.Struct: bundles come down, reports go up. What is malformed is undefined, never half read.
import { fromBinary, fromJson, toBinary, toJson } from '@bufbuild/protobuf';
import { StructSchema } from '@bufbuild/protobuf/wkt';
import type { TrustBundle, TrustReport } from './trust-bundle.ts';

export const FOLLOW_PATH = '/xebec.identity.v1.Trust/Follow';

type Fields = Readonly<Record<string, unknown>>;

const encode = (fields: Record<string, string | number | string[]>): Buffer =>
  Buffer.from(toBinary(StructSchema, fromJson(StructSchema, fields)));

export const encodeBundle = ({ rootsPem, anchorsPem, ...texts }: TrustBundle): Buffer =>
  encode({ ...texts, rootsPem: [...rootsPem], anchorsPem: [...anchorsPem] });

export const encodeReport = (report: TrustReport): Buffer => encode({ ...report });

export function decodeBundle(message: Uint8Array): TrustBundle | undefined {
  const fields = decode(message);
  const [hash, revocationsPem, issuer] = texts(fields, ['hash', 'revocationsPem', 'issuer']);
  const rootsPem = textList(fields?.['rootsPem']);
  const anchorsPem = textList(fields?.['anchorsPem'] ?? []);
  if (hash === undefined || revocationsPem === undefined || issuer === undefined) return undefined;
  if (rootsPem === undefined || rootsPem.length === 0 || anchorsPem === undefined) return undefined;
  return { hash, rootsPem, revocationsPem, anchorsPem, issuer };
}

function textList(value: unknown): readonly string[] | undefined {
  if (!Array.isArray(value)) return undefined;
  const found = value.filter((each) => typeof each === 'string');
  return found.length === value.length ? found : undefined;
}

const LONGEST = 1_024;

export function decodeReport(message: Uint8Array): TrustReport | undefined {
  const fields = decode(message);
  const read = texts(fields, ['node', 'bundle', 'issuer', 'serial', 'problem']);
  const [node, bundle, issuer, serial, problem] = read.map((text) => text?.slice(0, LONGEST));
  const [notBefore, notAfter] = [fields?.['notBefore'], fields?.['notAfter']];
  if (node === undefined || bundle === undefined || issuer === undefined) return undefined;
  if (serial === undefined || problem === undefined) return undefined;
  if (typeof notBefore !== 'number' || typeof notAfter !== 'number') return undefined;
  return { node, bundle, issuer, serial, notBefore, notAfter, problem };
}

function decode(message: Uint8Array): Fields | undefined {
  try {
    const json: unknown = toJson(StructSchema, fromBinary(StructSchema, message));
    return typeof json === 'object' && json !== null ? { ...json } : undefined;
  } catch {
    return undefined;
  }
}

const texts = (fields: Fields | undefined, names: readonly string[]): readonly (string | undefined)[] =>
  names.map((name) => {
    const value = fields?.[name];
    return typeof value === 'string' ? value : undefined;
  });
