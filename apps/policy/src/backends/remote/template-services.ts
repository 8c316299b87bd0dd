// The services that adapters outside implement, one for each of the standard templates.
import type { DescMessage, DescMethodUnary } from '@bufbuild/protobuf';
import { HandleApiKeyService } from '@xebec/protos/istio/mixer/template/apikey_pb';
import { HandleAuthorizationService } from '@xebec/protos/istio/mixer/template/authorization_pb';
import { HandleCheckNothingService } from '@xebec/protos/istio/mixer/template/checknothing_pb';
import { HandleEdgeService } from '@xebec/protos/istio/mixer/template/edge_pb';
import { HandleListEntryService } from '@xebec/protos/istio/mixer/template/listentry_pb';
import { HandleLogEntryService } from '@xebec/protos/istio/mixer/template/logentry_pb';
import { HandleMetricService } from '@xebec/protos/istio/mixer/template/metric_pb';
import { HandleQuotaService } from '@xebec/protos/istio/mixer/template/quota_pb';
import { HandleReportNothingService } from '@xebec/protos/istio/mixer/template/reportnothing_pb';
import { HandleTraceSpanService } from '@xebec/protos/istio/mixer/template/tracespan_pb';

/** A method `Handle<Template>` and the messages of its instances. */
export interface TemplateService {
  readonly method: DescMethodUnary;
  readonly instance: DescMessage;
  /** The types of a template's dynamic fields, as a session is told them. */
  readonly types: DescMessage | undefined;
}

function serviceOf(method: DescMethodUnary): TemplateService {
  const field = method.input.fields.find(({ name }) => name === 'instance' || name === 'instances');
  if (field?.message === undefined) throw new Error(`${method.name} takes no instances`);
  return {
    method,
    instance: field.message,
    types: method.parent.file.messages.find(({ name }) => name === 'Type'),
  };
}

export const templateServices: ReadonlyMap<string, TemplateService> = new Map([
  ['apikey', serviceOf(HandleApiKeyService.method.handleApiKey)],
  ['authorization', serviceOf(HandleAuthorizationService.method.handleAuthorization)],
  ['checknothing', serviceOf(HandleCheckNothingService.method.handleCheckNothing)],
  ['edge', serviceOf(HandleEdgeService.method.handleEdge)],
  ['listentry', serviceOf(HandleListEntryService.method.handleListEntry)],
  ['logentry', serviceOf(HandleLogEntryService.method.handleLogEntry)],
  ['metric', serviceOf(HandleMetricService.method.handleMetric)],
  ['quota', serviceOf(HandleQuotaService.method.handleQuota)],
  ['reportnothing', serviceOf(HandleReportNothingService.method.handleReportNothing)],
  ['tracespan', serviceOf(HandleTraceSpanService.method.handleTraceSpan)],
]);
