// Chooses how traffic is captured: what was asked for, or for `auto` transparent where that is allowed.
import { createTransparentCapture, detectTransparentCapture } from '@xebec/netfilter';
import { type Diagnostic, formatDiagnostic, type Result, succeed } from '@xebec/std';
import type { Capture } from './capture.ts';
import { createExplicitCapture } from './explicit-capture.ts';
import { createMeshResolver } from './mesh-resolver.ts';
import { createUdpDirectory } from './udp-directory.ts';

export interface OpenCaptureOptions {
  readonly mode: 'auto' | 'explicit' | 'transparent';
  readonly stateDirectory: string;
  /** Names that applications look up are answered by the control plane behind it. */
  readonly controlSocket: string;
  readonly clusterDomain?: string;
  /** Something of the capture could not be removed; it is tried again at the next start. */
  readonly onProblem?: (problem: Diagnostic) => void;
}

export interface OpenedCapture {
  readonly capture: Capture;
  /** Which it is and why, for people. */
  readonly reason: string;
}

/** Fails only when transparent capture was asked for and does not work here. */
export async function openCapture(options: OpenCaptureOptions): Promise<Result<OpenedCapture>> {
  if (options.mode === 'explicit') return succeed(explicit(options, 'as asked'));
  if (options.mode === 'auto') {
    const capability = await detectTransparentCapture();
    if (!capability.available) return succeed(explicit(options, `transparent capture: ${capability.reason}`));
  }
  const opened = await createTransparentCapture({
    stateDirectory: options.stateDirectory,
    resolve: createMeshResolver(options.controlSocket),
    ...(options.clusterDomain === undefined ? {} : { clusterDomain: options.clusterDomain }),
    ...(options.onProblem === undefined ? {} : { onProblem: options.onProblem }),
  });
  if (opened.ok)
    return succeed({ capture: opened.value, reason: `transparent, with ${opened.value.backend}` });
  if (options.mode === 'transparent') return opened;
  return succeed(explicit(options, opened.diagnostics.map(formatDiagnostic).join('; ')));
}

const explicit = ({ stateDirectory, controlSocket }: OpenCaptureOptions, why: string): OpenedCapture => ({
  capture: createExplicitCapture({ stateDirectory, udpDestinations: createUdpDirectory(controlSocket) }),
  reason: `explicit (${why})`,
});
