// A handler whose adapter is a program outside, called over gRPC by template. Rule: it is built without the adapter being there; a call that fails rejects, and that is all that happens to anybody.
import { randomUUID } from 'node:crypto';
import { create, type DescMessage, type Message, type MessageShape } from '@bufbuild/protobuf';
import type { Duration as ProtoDuration } from '@bufbuild/protobuf/wkt';
import type {
  BuildRemoteHandler,
  CheckVerdict,
  Handler,
  HandlerContext,
  Instance,
  QuotaArguments,
  QuotaVerdict,
  Status,
} from '@xebec/policy';
import type { Status as WireStatus } from '@xebec/protos/google/rpc/status_pb';
import { CheckResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/check_pb';
import {
  QuotaRequestSchema,
  QuotaResultSchema,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/quota_pb';
import { ReportResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/report_pb';
import { adapterConfig } from './adapter-config.ts';
import { AdapterConnection, type MeshCredentials } from './connection.ts';
import { instanceMessage } from './instance-message.ts';
import { type ConfigSource, fixedConfig, sessionSource } from './session.ts';
import { type TemplateService, templateServices } from './template-services.ts';

/** `mesh`: what is shown to adapters that ask for a certificate of the mesh. */
export const createRemoteHandlers =
  (mesh?: MeshCredentials): BuildRemoteHandler =>
  (call, context) => {
    for (const { template } of context.instances.values()) serviceFor(template.name);
    const config = adapterConfig(call.config, call.params);
    const connection = new AdapterConnection(call, mesh);
    const source = call.isSessionBased
      ? sessionSource(connection, config, context.instances)
      : fixedConfig(config);
    return new RemoteHandler({ connection, source, context });
  };

function serviceFor(template: string): TemplateService {
  const service = templateServices.get(template);
  if (service !== undefined) return service;
  const known = [...templateServices.keys()].join(', ');
  throw new Error(
    `instances of template ${template} cannot be sent to an adapter outside; these can: ${known}`,
  );
}

interface Parts {
  readonly connection: AdapterConnection;
  readonly source: ConfigSource;
  readonly context: HandlerContext;
}

class RemoteHandler implements Handler {
  readonly #parts: Parts;
  #problem: string | undefined;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  async check(instance: Instance, signal: AbortSignal): Promise<CheckVerdict> {
    const answer = await this.#ask(
      { template: instance.template, output: CheckResultSchema, fields: { instance: this.#write(instance) } },
      signal,
    );
    return {
      status: statusOf(answer.status),
      validDurationMs: millisecondsOf(answer.validDuration),
      validUseCount: answer.validUseCount,
    };
  }

  async report(instances: readonly Instance[], signal: AbortSignal): Promise<void> {
    for (const [template, group] of byTemplate(instances)) {
      const fields = { instances: group.map((instance) => this.#write(instance)) };
      await this.#ask({ template, output: ReportResultSchema, fields }, signal);
      this.#parts.context.countTaken(group.length);
    }
  }

  async allocate(instance: Instance, asked: QuotaArguments, signal: AbortSignal): Promise<QuotaVerdict> {
    const { amount, isBestEffort, deduplicationId } = asked;
    const quotas = { [instance.name]: { amount, bestEffort: isBestEffort } };
    const fields = {
      instance: this.#write(instance),
      quotaRequest: create(QuotaRequestSchema, { quotas }),
      ...(deduplicationId === '' ? {} : { dedupId: deduplicationId }),
    };
    const answer = await this.#ask(
      { template: instance.template, output: QuotaResultSchema, fields },
      signal,
    );
    const result = answer.quotas[instance.name];
    if (result === undefined) throw new Error('the adapter answered nothing for the quota it was asked');
    return {
      status: statusOf(result.status),
      granted: result.grantedAmount,
      validDurationMs: millisecondsOf(result.validDuration),
    };
  }

  async close(): Promise<void> {
    await this.#parts.source.close();
    this.#parts.connection.close();
  }

  async #ask<Output extends DescMessage>(
    { template, output, fields }: Question<Output>,
    signal: AbortSignal,
  ): Promise<MessageShape<Output>> {
    const { connection, source } = this.#parts;
    const { method } = serviceFor(template);
    try {
      const adapterConfig = await source.get(signal);
      const request = create(method.input, { dedupId: randomUUID(), ...fields, adapterConfig });
      const answer = await connection.unary({ method, output, request, signal });
      this.#report(undefined);
      return answer;
    } catch (error) {
      source.failed();
      this.#report(error instanceof Error ? error.message : String(error));
      throw error;
    }
  }

  #report(problem: string | undefined): void {
    if (problem === this.#problem) return;
    this.#problem = problem;
    this.#parts.context.reportProblem(problem);
  }

  #write(instance: Instance): Message {
    const types = this.#parts.context.instances.get(instance.name)?.types ?? {};
    return instanceMessage(serviceFor(instance.template).instance, instance, types);
  }
}

interface Question<Output extends DescMessage> {
  readonly template: string;
  readonly output: Output;
  readonly fields: Readonly<Record<string, unknown>>;
}

function byTemplate(instances: readonly Instance[]): ReadonlyMap<string, readonly Instance[]> {
  const groups = new Map<string, Instance[]>();
  for (const instance of instances) {
    const group = groups.get(instance.template);
    if (group === undefined) groups.set(instance.template, [instance]);
    else group.push(instance);
  }
  return groups;
}

const statusOf = (status: WireStatus | undefined): Status => ({
  code: status?.code ?? 0,
  message: status?.message ?? '',
});

const millisecondsOf = (duration: ProtoDuration | undefined): number =>
  duration === undefined ? 0 : Math.max(0, Number(duration.seconds) * 1_000 + duration.nanos / 1e6);
