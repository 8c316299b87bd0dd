// The templates that every policy service knows, with the fields that Istio 1.4 gave them.
import type { ValueType } from '../attributes/value.ts';
import type { FieldType, Template } from './template.ts';

const of = (type: ValueType): FieldType => ({ kind: 'value', type });
const text = of('STRING');
const whole = of('INT64');
const flag = of('BOOL');
const time = of('TIMESTAMP');
const address = of('IP_ADDRESS');
const dynamic: FieldType = { kind: 'dynamic' };
const dynamicMap: FieldType = { kind: 'map', of: dynamic };
const message = (fields: Readonly<Record<string, FieldType>>): FieldType => ({ kind: 'message', fields });

/** The same fields for both ends of a call. */
const bothEnds = (fields: Readonly<Record<string, ValueType>>): Record<string, ValueType> =>
  Object.fromEntries(
    ['source', 'destination'].flatMap((end) =>
      Object.entries(fields).map(([name, type]) => [`${end}_${name}`, type]),
    ),
  );

const kubernetesOutput: Readonly<Record<string, ValueType>> = {
  ...bothEnds({
    pod_uid: 'STRING',
    pod_ip: 'IP_ADDRESS',
    pod_name: 'STRING',
    labels: 'STRING_MAP',
    namespace: 'STRING',
    service_account_name: 'STRING',
    host_ip: 'IP_ADDRESS',
    workload_uid: 'STRING',
    workload_name: 'STRING',
    workload_namespace: 'STRING',
    owner: 'STRING',
  }),
  destination_container_name: 'STRING',
};

const checks: readonly Template[] = [
  { name: 'checknothing', variety: 'CHECK', fields: {} },
  { name: 'listentry', variety: 'CHECK', fields: { value: dynamic } },
  {
    name: 'authorization',
    variety: 'CHECK',
    fields: {
      subject: message({ user: text, groups: text, properties: dynamicMap }),
      action: message({ namespace: text, service: text, method: text, path: text, properties: dynamicMap }),
    },
  },
  {
    name: 'apikey',
    variety: 'CHECK',
    fields: { api: text, api_version: text, api_operation: text, api_key: text, timestamp: time },
  },
];

const reports: readonly Template[] = [
  { name: 'reportnothing', variety: 'REPORT', fields: {} },
  {
    name: 'metric',
    variety: 'REPORT',
    fields: {
      value: dynamic,
      dimensions: dynamicMap,
      monitored_resource_type: text,
      monitored_resource_dimensions: dynamicMap,
    },
  },
  {
    name: 'logentry',
    variety: 'REPORT',
    fields: {
      variables: dynamicMap,
      timestamp: time,
      severity: text,
      monitored_resource_type: text,
      monitored_resource_dimensions: dynamicMap,
    },
  },
  {
    name: 'tracespan',
    variety: 'REPORT',
    fields: {
      trace_id: text,
      span_id: text,
      parent_span_id: text,
      span_name: text,
      start_time: time,
      end_time: time,
      span_tags: dynamicMap,
      httpStatusCode: whole,
      client_span: flag,
      rewrite_client_span_id: flag,
      source_name: text,
      source_ip: address,
      destination_name: text,
      destination_ip: address,
      request_size: whole,
      request_total_size: whole,
      response_size: whole,
      response_total_size: whole,
      api_protocol: text,
    },
  },
  {
    name: 'edge',
    variety: 'REPORT',
    fields: {
      timestamp: time,
      source_workload_namespace: text,
      source_workload_name: text,
      source_owner: text,
      source_uid: text,
      destination_workload_namespace: text,
      destination_workload_name: text,
      destination_owner: text,
      destination_uid: text,
      destination_service_namespace: text,
      destination_service_name: text,
      context_protocol: text,
      api_protocol: text,
    },
  },
];

const others: readonly Template[] = [
  { name: 'quota', variety: 'QUOTA', fields: { dimensions: dynamicMap } },
  {
    name: 'kubernetes',
    variety: 'ATTRIBUTE_GENERATOR',
    fields: {
      source_uid: text,
      source_ip: address,
      destination_uid: text,
      destination_ip: address,
      destination_port: whole,
    },
    output: kubernetesOutput,
  },
];

export const standardTemplates: ReadonlyMap<string, Template> = new Map(
  [...checks, ...reports, ...others].map((template) => [template.name, template]),
);
