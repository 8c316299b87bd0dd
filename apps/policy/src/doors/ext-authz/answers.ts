// Decisions as Envoy takes them: headers to change, or a response in the service's place.
import { create, type JsonObject } from '@bufbuild/protobuf';
import type { CheckOutcome, HeaderOperation, QuotaVerdict } from '@xebec/policy';
import { codeName, httpStatusOf } from '@xebec/policy';
import {
  HeaderValueOption_HeaderAppendAction as Append,
  type HeaderValueOption,
  HeaderValueOptionSchema,
} from '@xebec/protos/envoy/config/core/v3/base_pb';
import {
  type CheckResponse,
  CheckResponseSchema,
  DeniedHttpResponseSchema,
  OkHttpResponseSchema,
} from '@xebec/protos/envoy/service/auth/v3/external_auth_pb';
import type { StatusCode } from '@xebec/protos/envoy/type/v3/http_status_pb';
import { statusOf } from '../own/answers.ts';
import { chargesToTell } from '../proxies/charges.ts';

const permissionDenied = 7;

export function authorizationAnswer(outcome: CheckOutcome): CheckResponse {
  const refusedQuota = [...outcome.quotas.values()].find(({ status }) => status.code !== 0);
  const status =
    outcome.status.code === 0 && refusedQuota !== undefined ? refusedQuota.status : outcome.status;
  const dynamicMetadata = metadataOf(outcome);
  if (outcome.directResponse !== undefined)
    return directAnswer(outcome, outcome.directResponse, dynamicMetadata);
  if (status.code !== 0) {
    const body = `${codeName(status.code)}:${status.message}`;
    const headers = [...quotaHeaders(refusedQuota), ...outcome.responseHeaders.flatMap(addedHeaders)];
    return denied(
      { code: status.code, message: status.message, httpStatus: httpStatusOf(status.code), body, headers },
      dynamicMetadata,
    );
  }
  return create(CheckResponseSchema, {
    status: statusOf(status),
    httpResponse: { case: 'okResponse', value: okResponse(outcome) },
    dynamicMetadata: { ...dynamicMetadata, ...chargesToTell(outcome.quotas), ...removals(outcome) },
  });
}

function okResponse({ requestHeaders, responseHeaders }: CheckOutcome) {
  const request = settled(requestHeaders);
  return create(OkHttpResponseSchema, {
    headers: request.flatMap(addedHeaders),
    headersToRemove: removedOf(request),
    // Envoy takes headers of the response to add and to replace; those to remove go by metadata.
    responseHeadersToAdd: settled(responseHeaders).flatMap(addedHeaders),
  });
}

const removedOf = (operations: readonly HeaderOperation[]): string[] =>
  operations.filter(({ operation }) => operation === 'REMOVE').map(({ name }) => name);

/** Envoy has an order of its own: what comes before a removal is left out, and what comes after it replaces. */
function settled(operations: readonly HeaderOperation[]): readonly HeaderOperation[] {
  const byName = new Map<string, readonly HeaderOperation[]>();
  for (const operation of operations) {
    const name = operation.name.toLowerCase();
    const before = byName.get(name) ?? [];
    if (operation.operation === 'REMOVE') byName.set(name, [{ ...operation, name }]);
    else if (before[0]?.operation === 'REMOVE') byName.set(name, [{ ...operation, operation: 'REPLACE' }]);
    else byName.set(name, [...before, operation]);
  }
  return [...byName.values()].flat();
}

interface Denial {
  readonly code: number;
  readonly message: string;
  readonly httpStatus: number;
  readonly body: string;
  readonly headers: readonly HeaderValueOption[];
}

function denied(
  { code, message, httpStatus, body, headers }: Denial,
  dynamicMetadata: JsonObject,
): CheckResponse {
  return create(CheckResponseSchema, {
    status: statusOf({ code, message }),
    httpResponse: {
      case: 'deniedResponse',
      value: create(DeniedHttpResponseSchema, {
        status: { code: statusCode(httpStatus) },
        headers: [...headers],
        body,
      }),
    },
    dynamicMetadata,
  });
}

/** To Envoy an answer in the service's place is a denial, whatever its status. */
function directAnswer(
  { status, responseHeaders }: CheckOutcome,
  direct: NonNullable<CheckOutcome['directResponse']>,
  dynamicMetadata: JsonObject,
): CheckResponse {
  const own = Object.entries(direct.headers).map(([name, value]) =>
    header(name, value, Append.OVERWRITE_IF_EXISTS_OR_ADD),
  );
  const code = status.code === 0 ? permissionDenied : status.code;
  const headers = [...own, ...responseHeaders.flatMap(addedHeaders)];
  return denied(
    { code, message: status.message, httpStatus: direct.httpStatus, body: direct.body, headers },
    dynamicMetadata,
  );
}

/** Envoy names no other numbers, and takes them all. */
const statusCode = (httpStatus: number): StatusCode =>
  httpStatus >= 200 && httpStatus <= 599 ? httpStatus : 500;

const header = (key: string, value: string, appendAction: Append): HeaderValueOption =>
  create(HeaderValueOptionSchema, { header: { key, value }, appendAction, keepEmptyValue: true });

function addedHeaders({ name, operation, values }: HeaderOperation): readonly HeaderValueOption[] {
  if (operation === 'REMOVE') return [];
  return values.map((value, index) =>
    header(
      name,
      value,
      operation === 'REPLACE' && index === 0
        ? Append.OVERWRITE_IF_EXISTS_OR_ADD
        : Append.APPEND_IF_EXISTS_OR_ADD,
    ),
  );
}

/** What a client is told of a limit it reached. Seconds are whole and never too few. */
export function quotaHeaders(verdict: QuotaVerdict | undefined): readonly HeaderValueOption[] {
  if (verdict === undefined) return [];
  const { limit, remaining, resetMs } = verdict;
  const seconds = resetMs === undefined ? undefined : String(Math.max(1, Math.ceil(resetMs / 1_000)));
  const values: readonly (readonly [string, string | undefined])[] = [
    ['retry-after', seconds],
    ['x-ratelimit-limit', limit?.toString()],
    ['x-ratelimit-remaining', remaining?.toString()],
    ['x-ratelimit-reset', seconds],
  ];
  return values.flatMap(([name, value]) =>
    value === undefined ? [] : [header(name, value, Append.OVERWRITE_IF_EXISTS_OR_ADD)],
  );
}

/** What the proxy's own filter takes away from the answer. */
const removals = ({ responseHeaders }: CheckOutcome): JsonObject =>
  Object.fromEntries(removedOf(settled(responseHeaders)).map((name) => [`remove ${name}`, true]));

/** For the proxy's own log: who decided. */
function metadataOf({ status, rules }: CheckOutcome): JsonObject {
  const decisive = rules.find((rule) => rule.status.code !== 0);
  return {
    code: status.code,
    ...(status.message === '' ? {} : { message: status.message }),
    ...(decisive === undefined ? {} : { rule: decisive.rule, handler: decisive.handler }),
  };
}
