// The session of a handler with an adapter that wants its configuration once. Begun with the first call, and anew after a call failed: the adapter may have been started again.
import { create, type Message } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@xebec/policy';
import { encode, typeUrl } from '@xebec/protos';
import {
  CloseSessionRequestSchema,
  CreateSessionRequestSchema,
  InfrastructureBackend,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/infrastructure_backend_pb';
import { sessionConfig } from './adapter-config.ts';
import type { AdapterConnection } from './connection.ts';
import { typesMessage } from './instance-message.ts';
import { templateServices } from './template-services.ts';

/** Gives what calls carry as `adapter_config`. */
export interface ConfigSource {
  get(signal: AbortSignal): Any | Promise<Any>;
  failed(): void;
  close(): Promise<void>;
}

export const fixedConfig = (config: Any): ConfigSource => ({
  get: () => config,
  failed: () => undefined,
  close: async () => undefined,
});

const closeMs = 1_000;

export function sessionSource(
  connection: AdapterConnection,
  config: Any,
  instances: HandlerContext['instances'],
): ConfigSource {
  let session: Promise<string> | undefined;
  const begin = async (signal: AbortSignal): Promise<string> => {
    const request = create(CreateSessionRequestSchema, {
      adapterConfig: config,
      inferredTypes: inferredTypes(instances),
    });
    const method = InfrastructureBackend.method.createSession;
    const { sessionId, status } = await connection.unary({ method, output: method.output, request, signal });
    if (status !== undefined && status.code !== 0)
      throw new Error(`the adapter does not take the configuration: ${status.message}`);
    return sessionId;
  };
  const failed = (): void => {
    session = undefined;
  };
  return {
    async get(signal) {
      session ??= begin(signal);
      return sessionConfig(await session);
    },
    failed,
    async close() {
      const id = await session?.catch(() => undefined);
      if (id === undefined) return;
      const request = create(CloseSessionRequestSchema, { sessionId: id });
      const method = InfrastructureBackend.method.closeSession;
      await connection
        .unary({ method, output: method.output, request, signal: AbortSignal.timeout(closeMs) })
        .catch(() => undefined);
    },
  };
}

function inferredTypes(instances: HandlerContext['instances']): Record<string, Any> {
  const packed: Record<string, Any> = {};
  for (const [name, { template, types }] of instances) {
    const desc = templateServices.get(template.name)?.types;
    if (desc === undefined) continue;
    const message: Message = typesMessage(desc, types);
    packed[name] = create(AnySchema, { typeUrl: typeUrl(desc), value: encode(desc, message) });
  }
  return packed;
}
