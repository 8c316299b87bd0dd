// The services that adapters outside implement: of the standard templates, of users' templates as their descriptors say, and of templates that are written out.
import {
  create,
  createFileRegistry,
  type DescFile,
  type DescMessage,
  type DescMethod,
  type DescMethodUnary,
  fromBinary,
} from '@bufbuild/protobuf';
import {
  type FileDescriptorProto,
  FileDescriptorSetSchema,
  file_google_protobuf_any,
  file_google_protobuf_descriptor,
  file_google_protobuf_duration,
  file_google_protobuf_struct,
  file_google_protobuf_timestamp,
} from '@bufbuild/protobuf/wkt';
import { standardTemplates, type Template, templateProto } from '@xebec/policy';
import { file_google_rpc_status } from '@xebec/protos/google/rpc/status_pb';
import { file_istio_mixer_adapter_model_v1beta1_check } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/check_pb';
import { file_istio_mixer_adapter_model_v1beta1_extensions } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/extensions_pb';
import { file_istio_mixer_adapter_model_v1beta1_quota } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/quota_pb';
import { file_istio_mixer_adapter_model_v1beta1_report } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/report_pb';
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
import { file_istio_policy_v1beta1_type } from '@xebec/protos/istio/policy/v1beta1/type_pb';
import { file_istio_policy_v1beta1_value_type } from '@xebec/protos/istio/policy/v1beta1/value_type_pb';

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

const standardServices: ReadonlyMap<string, TemplateService> = new Map([
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

const known = new WeakMap<Template, TemplateService>();

/** Throws with what is wrong where the descriptor of a template has no such service. */
export function templateService(template: Template): TemplateService {
  const found = known.get(template) ?? findService(template);
  known.set(template, found);
  return found;
}

function findService(template: Template): TemplateService {
  const standard =
    standardTemplates.get(template.name) === template ? standardServices.get(template.name) : undefined;
  return standard ?? describedService(template);
}

function describedService(template: Template): TemplateService {
  const files = template.descriptor === undefined ? [templateProto(template)] : filesIn(template.descriptor);
  const file = files.findLast(({ service }) => service.some(({ name }) => isHandleService(name)));
  if (file === undefined)
    throw new Error(
      `the descriptor of template ${template.name} has no service whose name begins with Handle`,
    );
  const service = describe(file, files, template.name).services.find(({ name }) => isHandleService(name));
  const method = service?.methods[0];
  if (!isUnary(method))
    throw new Error(`the service of template ${template.name} has no method that takes one request`);
  return serviceOf(method);
}

const isUnary = (method: DescMethod | undefined): method is DescMethodUnary => method?.methodKind === 'unary';

const isHandleService = (name: string): boolean => name.startsWith('Handle');

function filesIn(descriptor: string): readonly FileDescriptorProto[] {
  return fromBinary(FileDescriptorSetSchema, Buffer.from(descriptor, 'base64')).file;
}

/** What templates import, for descriptors that were made without their imports. */
const commonFiles: ReadonlyMap<string, FileDescriptorProto> = new Map(
  [
    file_google_protobuf_any,
    file_google_protobuf_descriptor,
    file_google_protobuf_duration,
    file_google_protobuf_struct,
    file_google_protobuf_timestamp,
    file_google_rpc_status,
    file_istio_mixer_adapter_model_v1beta1_check,
    file_istio_mixer_adapter_model_v1beta1_extensions,
    file_istio_mixer_adapter_model_v1beta1_quota,
    file_istio_mixer_adapter_model_v1beta1_report,
    file_istio_policy_v1beta1_type,
    file_istio_policy_v1beta1_value_type,
  ].map(({ proto }) => [proto.name, proto]),
);

function describe(
  file: FileDescriptorProto,
  files: readonly FileDescriptorProto[],
  template: string,
): DescFile {
  try {
    const set = create(FileDescriptorSetSchema, { file: inOrder(file, files) });
    const found = createFileRegistry(set).getFile(file.name);
    if (found === undefined) throw new Error('it cannot be found again');
    return found;
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new Error(`the descriptor of template ${template} cannot be used: ${reason}`);
  }
}

/** The file behind all that it imports, whatever order they were written in. */
function inOrder(file: FileDescriptorProto, files: readonly FileDescriptorProto[]): FileDescriptorProto[] {
  const own = new Map(files.map((each) => [each.name, each]));
  const ordered = new Map<string, FileDescriptorProto>();
  const begun = new Set<string>();
  const add = (wanted: FileDescriptorProto): void => {
    if (begun.has(wanted.name)) return;
    begun.add(wanted.name);
    for (const name of wanted.dependency) {
      const imported = own.get(name) ?? commonFiles.get(name);
      if (imported === undefined) throw new Error(`${wanted.name} imports ${name}, which is not in it`);
      add(imported);
    }
    ordered.set(wanted.name, wanted);
  };
  add(file);
  return [...ordered.values()];
}
