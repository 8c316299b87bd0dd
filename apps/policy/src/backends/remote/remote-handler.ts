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
  Template,
} from '@xebec/policy';
import type { Status as WireStatus } from '@xebec/protos/google/rpc/status_pb';
import {
  QuotaRequestSchema,
  QuotaResultSchema,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/quota_pb';
import { ReportResultSchema } from '@xebec/protos/istio/mixer/adapter/model/v1beta1/report_pb';
import { fileReader, type SecretReader } from '../../configuration/held-secrets.ts';
import { adapterConfig } from './adapter-config.ts';
import { type Answered, checkResultIn, outputIn } from './check-answer.ts';
import { AdapterConnection, type MeshCredentials } from './connection.ts';
import { instanceMessage } from './instance-message.ts';
import { type ConfigSource, fixedConfig, sessionSource } from './session.ts';
import { templateService } from './template-services.ts';

/** `mesh`: what is shown to adapters that ask for a certificate of the mesh. */
export const createRemoteHandlers =
  (mesh?: MeshCredentials, reader: SecretReader = fileReader): BuildRemoteHandler =>
  async (call, context) => {
    for (const { template } of context.instances.values()) templateService(template);
    const config = adapterConfig(call.config, call.params);
    const connection = new AdapterConnection(call, mesh, reader);
    if (!call.isSessionBased) return new RemoteHandler({ connection, source: fixedConfig(config), context });
    const source = sessionSource(connection, config, context.instances);
    const refusal = await source.refusal();
    if (refusal === undefined) return new RemoteHandler({ connection, source, context });
    connection.close();
    throw new Error(refusal);
  };

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
    const template = this.#templateOf(instance);
    const answer = await this.#askOne(instance, signal);
    const result = checkResultIn(answer);
    // A response without its result is one whose status is OK: nothing of it was written.
    const verdict = {
      status: statusOf(result?.status),
      validDurationMs: millisecondsOf(result?.validDuration),
      validUseCount: result?.validUseCount ?? 0,
    };
    return template.output === undefined ? verdict : { ...verdict, output: outputIn(answer, template) };
  }

  async generate(instance: Instance, signal: AbortSignal) {
    return outputIn(await this.#askOne(instance, signal), this.#templateOf(instance));
  }

  async #askOne(instance: Instance, signal: AbortSignal): Promise<Answered> {
    const template = this.#templateOf(instance);
    const desc = templateService(template).method.output;
    return {
      desc,
      message: await this.#ask({ template, output: desc, fields: this.#one(instance) }, signal),
    };
  }

  #one(instance: Instance) {
    return { instance: this.#write(instance) };
  }

  #templateOf({ name }: Instance): Template {
    const found = this.#parts.context.instances.get(name)?.template;
    if (found === undefined) throw new Error(`${name} is not an instance of this handler`);
    return found;
  }

  async report(instances: readonly Instance[], signal: AbortSignal): Promise<void> {
    for (const [template, group] of this.#byTemplate(instances)) {
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
      { template: this.#templateOf(instance), output: QuotaResultSchema, fields },
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
    const { method } = templateService(template);
    const used = source.begin(signal);
    try {
      const adapterConfig = await used.config;
      const request = create(method.input, { dedupId: randomUUID(), ...fields, adapterConfig });
      const answer = await connection.unary({ method, output, request, signal });
      this.#report(undefined);
      return answer;
    } catch (error) {
      used.failed(isSlow(error));
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
    return instanceMessage(templateService(this.#templateOf(instance)).instance, instance, types);
  }

  #byTemplate(instances: readonly Instance[]): ReadonlyMap<Template, readonly Instance[]> {
    const groups = new Map<Template, Instance[]>();
    for (const instance of instances) {
      const template = this.#templateOf(instance);
      const group = groups.get(template);
      if (group === undefined) groups.set(template, [instance]);
      else group.push(instance);
    }
    return groups;
  }
}

/** As the connection says it. */
const isSlow = (error: unknown): boolean => /: (DEADLINE_EXCEEDED|CANCELLED):/.test(String(error));

interface Question<Output extends DescMessage> {
  readonly template: Template;
  readonly output: Output;
  readonly fields: Readonly<Record<string, unknown>>;
}

const statusOf = (status: WireStatus | undefined): Status => ({
  code: status?.code ?? 0,
  message: status?.message ?? '',
});

const millisecondsOf = (duration: ProtoDuration | undefined): number =>
  duration === undefined ? 0 : Math.max(0, Number(duration.seconds) * 1_000 + duration.nanos / 1e6);
