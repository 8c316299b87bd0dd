// What a Pod's annotation `proxy.istio.io/config` says of its proxy, as the node's metadata tells it to the control plane.
import { parseDocuments } from '@xebec/config';
import { isRecord } from '../control/object-watch.ts';

const annotation = 'proxy.istio.io/config';

/** Undefined when there is none, or when it is no map. */
export function proxyConfigOf(
  annotations: Readonly<Record<string, string>>,
): Readonly<Record<string, unknown>> | undefined {
  const text = annotations[annotation];
  if (text === undefined || text.length > 100_000) return undefined;
  // Manifests have a kind; that is all the reader asks for.
  const [document] = parseDocuments(`kind: ProxyConfig\nspec:\n${indent(text)}`, annotation).objects;
  const value = document?.value;
  return isRecord(value) && isRecord(value['spec']) ? value['spec'] : undefined;
}

const indent = (text: string): string =>
  text
    .trimEnd()
    .split('\n')
    .map((line) => `  ${line}`)
    .join('\n');
