// The public surface of netfilter.
export type { DetectOptions, TransparentCapability } from './capability/detect.ts';
export { detectTransparentCapture } from './capability/detect.ts';
export { cleanUpStale } from './capture/clean-up-stale.ts';
export type { TransparentCapture, TransparentCaptureOptions } from './capture/transparent-capture.ts';
export { createTransparentCapture } from './capture/transparent-capture.ts';
export type { CapturedWorkload, ProgramRole, UserIdentity, WorkloadToCapture } from './capture/workload.ts';
export type { HostAnswer, ResolveHost } from './dns/answer.ts';
export type { DnsServer, DnsServerOptions } from './dns/dns-server.ts';
export { startDnsServer } from './dns/dns-server.ts';
export type { Upstream } from './dns/upstream.ts';
export { hostNameServers } from './dns/upstream.ts';
export { applyAnnotations } from './rules/annotations.ts';
export type { CaptureRules, DnsCapture, Family } from './rules/capture-rules.ts';
export { checkRules, defaultRules, proxyUid } from './rules/capture-rules.ts';
export type { Backend, RenderedRules } from './rules/render.ts';
export { renderRules } from './rules/render.ts';
