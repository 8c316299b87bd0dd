// Chooses how traffic is captured, and says what it took and why.
import { type AgentOptions, createMeshResolver } from '@xebec/agent';
import { createTransparentCapture } from '@xebec/netfilter';
import { type Diagnostic, type Result, succeed } from '@xebec/std';

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
    resolve: createMeshResolver(request.controlSocket),
  });
  if (transparent.ok || request.wanted === 'transparent') return transparent;
  return succeed('explicit', transparent.diagnostics.map(asReason));
}

const asReason = (diagnostic: Diagnostic): Diagnostic => ({
  ...diagnostic,
  severity: 'warning',
  message: `explicit capture is used: ${diagnostic.message}`,
});
