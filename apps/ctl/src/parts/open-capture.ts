// Chooses how traffic is captured, and says what it took and why.
import type { AgentOptions } from '@xebec/agent';
import { createTransparentCapture } from '@xebec/netfilter';
import { type Diagnostic, type Result, succeed } from '@xebec/std';
import { at, textsOf } from '../admin/json.ts';
import { requestSocket } from '../admin/socket-request.ts';

export type CaptureMode = 'auto' | 'explicit' | 'transparent';

export interface CaptureRequest {
  readonly wanted: CaptureMode;
  readonly state: string;
  readonly controlSocket: string;
  readonly clusterDomain: string;
}

export async function openCapture(request: CaptureRequest): Promise<Result<AgentOptions['capture']>> {
  if (request.wanted === 'explicit') return succeed('explicit');
  const { state, clusterDomain } = request;
  const transparent = await createTransparentCapture({
    stateDirectory: state,
    clusterDomain,
    resolve: (host, namespace) => resolveHost(request.controlSocket, host, namespace),
  });
  if (transparent.ok || request.wanted === 'transparent') return transparent;
  return succeed('explicit', transparent.diagnostics.map(asReason));
}

const asReason = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  severity: 'warning',
  message: `explicit capture is used: ${diagnostic.message}`,
});

/** Rejects when the control plane does not answer: a name of the mesh must not be asked elsewhere. */
async function resolveHost(
  socket: string,
  host: string,
  namespace: string,
): Promise<readonly string[] | 'unknown'> {
  const query = new URLSearchParams({ host, namespace });
  const answer = await requestSocket({ socket, path: `/v1/resolve?${query}`, timeoutMs: 2_000 });
  if (answer.kind === 'unreachable') throw new Error(answer.reason);
  if (answer.status !== 200) throw new Error(`status ${answer.status}`);
  const addresses = at(JSON.parse(answer.text), 'addresses');
  return addresses === null ? 'unknown' : textsOf(addresses);
}
