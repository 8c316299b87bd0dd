// The session of a handler with an adapter that wants its configuration once. Begun with the first call, and anew after a call failed: the adapter may have been started again.
import { create, type Message } from '@bufbuild/protobuf';
import { type Any, AnySchema } from '@bufbuild/protobuf/wkt';
import type { HandlerContext } from '@xebec/policy';
import { encode, typeUrl } from '@xebec/protos';
import type { Status } from '@xebec/protos/google/rpc/status_pb';
import {
  CloseSessionRequestSchema,
  CreateSessionRequestSchema,
  InfrastructureBackend,
  ValidateRequestSchema,
} from '@xebec/protos/istio/mixer/adapter/model/v1beta1/infrastructure_backend_pb';
import { withDeadline } from '../deadline.ts';
import { sessionConfig } from './adapter-config.ts';
import type { AdapterConnection } from './connection.ts';
import { typesMessage } from './instance-message.ts';
import { templateService } from './template-services.ts';

/** Gives what calls carry as `adapter_config`. */
export interface ConfigSource {
  /** For one call. */
  begin(signal: AbortSignal): ConfigUse;
  /** Why the adapter does not take the configuration; undefined: it does, or cannot be asked now. */
  refusal(): Promise<string | undefined>;
  close(): Promise<void>;
}

export interface ConfigUse {
  readonly config: Any | Promise<Any>;
  /** The call failed: unless all that is known is that it was slow, the session it used is not used again. */
  failed(isSlow: boolean): void;
}

export const fixedConfig = (config: Any): ConfigSource => ({
  begin: () => ({ config, failed: () => undefined }),
  refusal: async () => undefined,
  close: async () => undefined,
});

const closeMs = 1_000;
const validateMs = 1_000;
const never = new AbortController().signal;

export const sessionSource = (
  connection: AdapterConnection,
  config: Any,
  instances: HandlerContext['instances'],
): ConfigSource => new Sessions(connection, config, inferredTypes(instances));

/** Calls that fail together begin one new session, not one each. */
class Sessions implements ConfigSource {
  readonly #connection: AdapterConnection;
  readonly #request: { readonly adapterConfig: Any; readonly inferredTypes: Record<string, Any> };
  #session: Promise<string> | undefined;

  constructor(connection: AdapterConnection, adapterConfig: Any, types: Record<string, Any>) {
    this.#connection = connection;
    this.#request = { adapterConfig, inferredTypes: types };
  }

  begin(signal: AbortSignal): ConfigUse {
    const session = this.#session ?? this.#create(signal);
    this.#session = session;
    const drop = (): void => {
      if (this.#session === session) this.#session = undefined;
    };
    session.catch(drop);
    return { config: session.then(sessionConfig), failed: (isSlow) => (isSlow ? undefined : drop()) };
  }

  async #create(signal: AbortSignal): Promise<string> {
    const request = create(CreateSessionRequestSchema, this.#request);
    const method = InfrastructureBackend.method.createSession;
    const answer = await this.#connection.unary({ method, output: method.output, request, signal });
    const refusal = refusalIn(answer);
    if (refusal !== undefined) throw new Error(refusal);
    return answer.sessionId;
  }

  /** An adapter that is not there, or has no such method, refuses nothing. */
  async refusal(): Promise<string | undefined> {
    const request = create(ValidateRequestSchema, this.#request);
    const method = InfrastructureBackend.method.validate;
    const ask = (signal: AbortSignal) =>
      this.#connection.unary({ method, output: method.output, request, signal });
    return withDeadline(never, validateMs, ask).then(refusalIn, () => undefined);
  }

  async close(): Promise<void> {
    const sessionId = await this.#session?.catch(() => undefined);
    if (sessionId === undefined) return;
    const request = create(CloseSessionRequestSchema, { sessionId });
    const method = InfrastructureBackend.method.closeSession;
    const ask = (signal: AbortSignal) =>
      this.#connection.unary({ method, output: method.output, request, signal });
    await withDeadline(never, closeMs, ask).catch(() => undefined);
  }
}

const refusalIn = ({ status }: { readonly status?: Status | undefined }): string | undefined =>
  status === undefined || status.code === 0
    ? undefined
    : `the adapter does not take the configuration: ${status.message}`;

function inferredTypes(instances: HandlerContext['instances']): Record<string, Any> {
  const packed: Record<string, Any> = {};
  for (const [name, { template, types }] of instances) {
    const desc = templateService(template).types;
    if (desc === undefined) continue;
    const message: Message = typesMessage(desc, types);
    packed[name] = create(AnySchema, { typeUrl: typeUrl(desc), value: encode(desc, message) });
  }
  return packed;
}
