// Small resources for tests: their bytes are readable text, so that a client can tell what it got.
import { hashText } from '@xebec/std';
import { CLUSTER, ENDPOINTS } from '../roles.ts';
import type { EncodedResource, ResourceReference, TypeUrl } from '../types.ts';

export interface TestBody {
  readonly name: string;
  readonly content: string;
  readonly needs: readonly ResourceReference[];
}

export function testResource(
  name: string,
  content: string,
  options: { readonly needs?: readonly ResourceReference[]; readonly aliases?: readonly string[] } = {},
): EncodedResource {
  const needs = options.needs ?? [];
  const text = JSON.stringify({ name, content, needs } satisfies TestBody);
  const bytes = Buffer.from(text);
  const half = bytes.length >>> 1;
  return {
    name,
    hash: hashText(text),
    chunks: [bytes.subarray(0, half), bytes.subarray(half)],
    aliases: options.aliases ?? [],
    needs,
    causes: [`Test/${name}`],
  };
}

export const readBody = (bytes: Uint8Array): TestBody =>
  JSON.parse(Buffer.from(bytes).toString()) as TestBody;

export const reference = (typeUrl: TypeUrl, name: string): ResourceReference => ({ typeUrl, name });

/** A cluster whose endpoints travel by EDS. */
export const testCluster = (name: string, content = '1'): EncodedResource =>
  testResource(name, content, { needs: [reference(ENDPOINTS, name)] });

/** Anything that routes to clusters. */
export const testRouter = (
  name: string,
  content: string,
  clusters: readonly string[],
  aliases: readonly string[] = [],
) => testResource(name, content, { needs: clusters.map((cluster) => reference(CLUSTER, cluster)), aliases });
