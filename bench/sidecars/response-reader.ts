// Reads of a delta response what a sidecar needs to go on: type, nonce, and each resource's name and body.
import { eachField, type Span, text } from './wire-reader.ts';

export interface ReceivedResource {
  readonly name: string;
  readonly aliases: readonly string[];
  /** The resource message; absent when the server says that there is none. */
  readonly body: Span | undefined;
}

export interface Received {
  readonly typeUrl: string;
  readonly nonce: string;
  readonly resources: readonly ReceivedResource[];
  readonly removed: number;
}

export function readDeltaResponse(bytes: Buffer): Received {
  let typeUrl = '';
  let nonce = '';
  let removed = 0;
  const resources: ReceivedResource[] = [];
  eachField(bytes, { start: 0, end: bytes.length }, (field, start, end) => {
    if (field === 2) resources.push(readResource(bytes, { start, end }));
    else if (field === 4) typeUrl = text(bytes, start, end);
    else if (field === 5) nonce = text(bytes, start, end);
    else if (field === 6) removed++;
  });
  return { typeUrl, nonce, resources, removed };
}

function readResource(bytes: Buffer, span: Span): ReceivedResource {
  let name = '';
  let body: Span | undefined;
  const aliases: string[] = [];
  eachField(bytes, span, (field, start, end) => {
    if (field === 3) name = text(bytes, start, end);
    else if (field === 4) aliases.push(text(bytes, start, end));
    else if (field === 2) {
      eachField(bytes, { start, end }, (inner, from, to) => {
        if (inner === 2) body = { start: from, end: to };
      });
    }
  });
  return { name, aliases, body };
}

/** The name under which an EDS cluster asks for its endpoints; none for clusters of other types. */
export function endpointsNameOf(bytes: Buffer, cluster: Span, clusterName: string): string | undefined {
  let name: string | undefined;
  eachField(bytes, cluster, (field, start, end) => {
    if (field !== edsClusterConfigField) return;
    name = clusterName;
    eachField(bytes, { start, end }, (inner, from, to) => {
      if (inner === 2) name = text(bytes, from, to);
    });
  });
  return name;
}

const edsClusterConfigField = 3;

/** From a Listener down: filter_chains, filters, typed_config, its value (a connection manager), rds. */
const path = [3, 3, 4, 2, 3] as const;

const defaultFilterChainField = 25;

/** Names of the route configurations that a listener asks for. */
export function routeNamesOf(bytes: Buffer, listener: Span): readonly string[] {
  const names: string[] = [];
  const descend = (span: Span, depth: number): void => {
    const wanted = path[depth];
    eachField(bytes, span, (field, start, end) => {
      if (wanted === undefined) {
        if (field === 2) names.push(text(bytes, start, end));
        return;
      }
      if (field === wanted || (depth === 0 && field === defaultFilterChainField)) {
        if (depth === 3 && !isConnectionManager(bytes, span)) return;
        descend({ start, end }, depth + 1);
      }
    });
  };
  descend(listener, 0);
  return names;
}

const managerType = Buffer.from('http_connection_manager.v3.HttpConnectionManager');

const isConnectionManager = (bytes: Buffer, { start, end }: Span): boolean =>
  bytes.subarray(start, Math.min(end, start + 128)).includes(managerType);
