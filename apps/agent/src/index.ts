// The public surface of the agent.
export { type AuditSinkOptions, type OpenedSink, openAuditSink } from './audit/open-sink.ts';
export type { Capture, CapturedWorkload, CaptureRequest, ProcessOwner } from './capture/capture.ts';
export { createExplicitCapture } from './capture/explicit-capture.ts';
export { createMeshResolver } from './capture/mesh-resolver.ts';
export { type OpenCaptureOptions, type OpenedCapture, openCapture } from './capture/open-capture.ts';
export type { AgentEvent, OnEvent, PodStage } from './events.ts';
export type { AgentHandle, AgentOptions, Program } from './options.ts';
export { runAgent } from './run-agent.ts';
export {
  type LocalGateway,
  type LocalGatewayPort,
  type LocalImage,
  type LocalImages,
  parseLocalImages,
} from './workloads/local-images.ts';
export {
  type ContainerReport,
  type ContainerState,
  hostPortsAnnotation,
  type PodReport,
  statusAddressAnnotation,
} from './workloads/pod-manifest.ts';
export { programDirectory, type WorkloadSockets, workloadSockets } from './workloads/workload-files.ts';
