// What an adapter is: a folder with one of these. The engine knows no adapter by name.
import type { ConnectionAuthentication } from '@xebec/config';
import type { Result } from '@xebec/std';
import type { AttributeValue, ValueType } from '../attributes/value.ts';
import type { Instance, Template } from '../templates/template.ts';

/** `google.rpc.Code`. */
export type StatusCode = number;

export interface Status {
  readonly code: StatusCode;
  readonly message: string;
}

export const OK: Status = { code: 0, message: '' };

/** Answers a request in the service's place: `istio.policy.v1beta1.DirectHttpResponse`. */
export interface DirectResponse {
  readonly httpStatus: number;
  readonly body: string;
  readonly headers: Readonly<Record<string, string>>;
}

export interface CheckVerdict {
  readonly status: Status;
  /** How long and how often the verdict may be used again for the same attributes. */
  readonly validDurationMs: number;
  readonly validUseCount: number;
  readonly directResponse?: DirectResponse;
  /** For CHECK_WITH_OUTPUT: what a rule's header operations may use as `ACTION.output.NAME`. */
  readonly output?: Readonly<Record<string, AttributeValue>>;
}

export interface QuotaArguments {
  /** Units; 0 asks without taking, a negative amount gives back. */
  readonly amount: bigint;
  /** True: as much as is left is granted; false: all or nothing. */
  readonly isBestEffort: boolean;
  /** The same id within its time is charged once; empty: no deduplication. */
  readonly deduplicationId: string;
  /** Of an amount below 0: what was taken under that id is given back, and whoever comes with it again takes anew. */
  readonly releasedId?: string;
}

export interface QuotaVerdict {
  readonly status: Status;
  readonly granted: bigint;
  readonly validDurationMs: number;
  /** The limit with the least left, for `x-ratelimit-limit`, `-remaining` and `-reset`. */
  readonly limit?: bigint;
  readonly remaining?: bigint;
  readonly resetMs?: number;
  /** It was granted before under the same id; nothing was taken now. */
  readonly isRepeat?: true;
}

/** One built handler. A method it lacks means that it does not serve that variety. Rejected promises and throws count as failures of the handler. */
export interface Handler {
  /** Milliseconds that one call may take; absent: as the engine gives all. */
  readonly timeoutMs?: number;
  check?(instance: Instance, signal: AbortSignal): CheckVerdict | Promise<CheckVerdict>;
  /** Takes a batch; resolves when the backend has it (back-pressure). */
  report?(instances: readonly Instance[], signal: AbortSignal): void | Promise<void>;
  allocate?(
    instance: Instance,
    asked: QuotaArguments,
    signal: AbortSignal,
  ): QuotaVerdict | Promise<QuotaVerdict>;
  generate?(
    instance: Instance,
    signal: AbortSignal,
  ): Readonly<Record<string, AttributeValue>> | Promise<Readonly<Record<string, AttributeValue>>>;
  /** Delivers what is left, then frees everything. Called once. */
  close?(): void | Promise<void>;
}

/** Type of each field of an instance, as its expressions were inferred: `value` → INT64, `dimensions.path` → STRING. */
export type InferredTypes = Readonly<Record<string, ValueType>>;

/** What a handler is built from, beside its own configuration. */
export interface HandlerContext {
  /** `NAME.handler.NAMESPACE`. */
  readonly name: string;
  readonly namespace: string;
  /** The instances that rules send to this handler, by name. */
  readonly instances: ReadonlyMap<string, { readonly template: Template; readonly types: InferredTypes }>;
  /** Milliseconds since 1970. */
  now(): number;
  /** Something is wrong, or right again (`undefined`); shown in the handler's status. */
  reportProblem(problem: string | undefined): void;
  /** So many of the batch under way could not be delivered, though the others could. */
  countLoss(instances: number): void;
  /** So many of the batch under way are delivered, whatever becomes of the others: for those who send it in parts. */
  countTaken(instances: number): void;
}

/** What can be known of an adapter without running it: enough to check a handler before it is accepted. */
export interface AdapterForm<Config = unknown> {
  /** The value of `compiledAdapter`. */
  readonly name: string;
  /** Other values of `compiledAdapter` that mean it. */
  readonly aliases?: readonly string[];
  readonly description: string;
  /** `*`: any. */
  readonly templates: readonly string[];
  /** Reads `params`; diagnostics name fields relative to it. */
  parse(params: unknown): Result<Config>;
}

export interface Adapter<Config = unknown> extends AdapterForm<Config> {
  /** Never called with what `parse` refused. A throw or rejection means: no handler, its rules fail as they say. */
  build(config: Config, context: HandlerContext): Handler | Promise<Handler>;
}

/** An adapter outside, as the adapter resource declares it, and how a handler reaches it. */
export interface RemoteAdapterCall {
  /** `NAME.adapter.NAMESPACE`. */
  readonly name: string;
  /** `host:port`. */
  readonly address: string;
  readonly timeoutMs: number;
  /** Absent: plaintext. */
  readonly authentication?: ConnectionAuthentication;
  readonly isSessionBased: boolean;
  /** A FileDescriptorSet in base64 that describes `params`; empty: any. */
  readonly config: string;
  readonly params: unknown;
}

/** Builds handlers that call adapters outside. */
export type BuildRemoteHandler = (
  call: RemoteAdapterCall,
  context: HandlerContext,
) => Handler | Promise<Handler>;
