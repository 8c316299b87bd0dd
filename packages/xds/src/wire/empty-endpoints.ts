// The answer for endpoints that do not exist: an assignment without endpoints, because silence blocks the client.
import type { EncodedResource } from '../types.ts';
import { createWriter, textFieldLength, writeTextField } from './proto-writer.ts';

const CLUSTER_NAME = 1;

/** A ClusterLoadAssignment that names its cluster and nothing else. */
export function emptyEndpoints(name: string): EncodedResource {
  const writer = createWriter(textFieldLength(name));
  writeTextField(writer, CLUSTER_NAME, name);
  return { name, hash: 'empty', chunks: [writer.buffer], aliases: [], needs: [], causes: [] };
}
