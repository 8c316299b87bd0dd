// The words of those who refuse: a policy may say what a refused request is answered with.
import { create } from '@bufbuild/protobuf';
import type { Authorization, AuthorizationPolicy, Refusal } from '@xebec/model';
import { anyOf } from '@xebec/protos';
import { ExpressionFilterSchema } from '@xebec/protos/envoy/extensions/access_loggers/filters/cel/v3/cel_pb';
import {
  type ResponseMapper,
  ResponseMapperSchema,
} from '@xebec/protos/envoy/extensions/filters/network/http_connection_manager/v3/http_connection_manager_pb';
import { policyIdPrefix } from './rules.ts';

/** Status and body of requests that a policy with words of its own has refused. */
export const refusalsOf = (authorization: Authorization): readonly ResponseMapper[] =>
  authorization.flatMap((policy) => (policy.refusal === undefined ? [] : [mapperOf(policy, policy.refusal)]));

const mapperOf = (policy: AuthorizationPolicy, { httpStatus, text }: Refusal): ResponseMapper =>
  create(ResponseMapperSchema, {
    filter: {
      filterSpecifier: {
        case: 'extensionFilter',
        value: {
          name: 'envoy.access_loggers.extension_filters.cel',
          configType: {
            case: 'typedConfig',
            value: anyOf(ExpressionFilterSchema, { expression: isRefusedBy(policy) }),
          },
        },
      },
    },
    statusCode: httpStatus,
    bodyFormatOverride: {
      format: {
        case: 'textFormatSource',
        value: { specifier: { case: 'inlineString', value: text } },
      },
    },
  });

/** By the details of the response: metadata is noted only after the answer has been made. */
const isRefusedBy = (policy: AuthorizationPolicy): string =>
  `response.code_details.startsWith(${JSON.stringify(`rbac_access_denied_matched_policy[${policyIdPrefix(policy)}`)})`;
