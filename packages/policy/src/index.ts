// The public surface of policy.
export { type AdapterPorts, adapterForms, erased, inProcessAdapters } from './adapters/catalog.ts';
export { createEdgeBoard, type Edge, type EdgeBoard } from './adapters/edges/edge-graph.ts';
export { createEdges } from './adapters/edges/edges.ts';
export { createFluentd, type ForwardClient, type OpenForward } from './adapters/fluentd/fluentd.ts';
export type {
  HttpAnswer,
  HttpBackend,
  HttpClient,
  OpenHttp,
} from './adapters/http-backend.ts';
export type { IndexedWorkload, WorkloadIndex } from './adapters/kubernetesenv/kubernetesenv.ts';
export type { ListListener, ListSource } from './adapters/list/list.ts';
export { createOpa, type OpaPorts } from './adapters/opa/opa.ts';
export type { OpaProgram, OpaProgramOptions, OpenOpaProgram } from './adapters/opa/program.ts';
export { createOpentelemetry } from './adapters/opentelemetry/opentelemetry.ts';
export { createMetricBoard, type MetricBoard } from './adapters/prometheus/metric-board.ts';
export { createPrometheus } from './adapters/prometheus/prometheus.ts';
export * from './adapters/sdk.ts';
export {
  createDogstatsd,
  createStatsd,
  type DatagramSink,
  type OpenDatagramSink,
} from './adapters/statsd/statsd.ts';
export { createStdio, type LineSink, type OpenLineSink } from './adapters/stdio/stdio.ts';
export { createWebhook } from './adapters/webhook/webhook.ts';
export { createZipkin } from './adapters/zipkin/zipkin.ts';
export * from './attributes/index.ts';
export {
  checkPolicyObjects,
  isAboutAnother,
  type PolicyCheckOptions,
} from './configuration/check-policy-objects.ts';
export { compilePolicy } from './configuration/compile-policy.ts';
export type * from './configuration/compiled.ts';
export type * from './configuration/policy-object.ts';
export { policyObjectKey } from './configuration/policy-object.ts';
export { replaceSecrets, secretReference, secretsIn } from './configuration/secret-references.ts';
export { createPolicyEngine } from './engine/create-policy-engine.ts';
export type * from './engine/engine.ts';
export { codeName, httpStatusOf, refusalBody } from './engine/http-status.ts';
export type * from './engine/options.ts';
export * from './expressions/index.ts';
export * from './plan/index.ts';
export { proxyProtocol } from './proxy-protocol.ts';
export * from './quotas/index.ts';
export * from './stream/items.ts';
export * from './stream/messages.ts';
export { standardTemplates } from './templates/catalog.ts';
export { printTemplateProto } from './templates/print-proto.ts';
export type * from './templates/template.ts';
export { templateProto } from './templates/template-proto.ts';
export { readTemplate } from './templates/user-template.ts';
export { phaseOf } from './templates/variety.ts';
