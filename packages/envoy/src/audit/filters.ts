// Which calls of an audited workload are told: those that an AUDIT rule marks, and those that are denied.
import { create } from '@bufbuild/protobuf';
import {
  type AccessLogFilter,
  AccessLogFilterSchema,
  ComparisonFilter_Op,
} from '@xebec/protos/envoy/config/accesslog/v3/accesslog_pb';
import type { AccessLogType } from '@xebec/protos/envoy/data/accesslog/v3/accesslog_pb';
import { auditedRuleKey } from '../authorization/verdict-names.ts';

type StringTest = { case: 'presentMatch'; value: boolean } | { case: 'text' | 'prefix'; value: string };

/** Whether metadata of the RBAC filters has a key, or has it with a value. */
export const noted = (namespace: string, key: string, test: StringTest): AccessLogFilter => {
  const matchPattern =
    test.case === 'presentMatch'
      ? test
      : {
          case: 'stringMatch' as const,
          value: {
            matchPattern: {
              case: test.case === 'prefix' ? ('prefix' as const) : ('exact' as const),
              value: test.value,
            },
          },
        };
  return create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'metadataFilter',
      value: {
        matcher: {
          filter: namespace,
          path: [{ segment: { case: 'key', value: key } }],
          value: { matchPattern },
        },
        matchIfKeyNotFound: false,
      },
    },
  });
};

/** Only messages of these types. */
export const ofTypes = (...wanted: readonly AccessLogType[]): AccessLogFilter =>
  create(AccessLogFilterSchema, {
    filterSpecifier: { case: 'logTypeFilter', value: { types: [...wanted] } },
  });

/** Of what denies requests before rules are asked: tokens, and other services that are asked for a decision. */
const deniedElsewhere = create(AccessLogFilterSchema, {
  filterSpecifier: { case: 'responseFlagFilter', value: { flags: ['UAEX'] } },
});

/** Bad tokens; an application may answer so, too, which the agent tells apart. */
const unauthenticated = create(AccessLogFilterSchema, {
  filterSpecifier: {
    case: 'statusCodeFilter',
    value: {
      comparison: { op: ComparisonFilter_Op.EQ, value: { defaultValue: 401, runtimeKey: 'xebec.audit' } },
    },
  },
});

/** By what the RBAC filters of this namespace have noted. */
export const auditedOrDenied = (namespace: string): AccessLogFilter =>
  create(AccessLogFilterSchema, {
    filterSpecifier: {
      case: 'orFilter',
      value: {
        filters: [
          noted(namespace, auditedRuleKey, { case: 'presentMatch', value: true }),
          noted(namespace, 'enforced_engine_result', { case: 'text', value: 'denied' }),
          deniedElsewhere,
          unauthenticated,
        ],
      },
    },
  });

export const bothOf = (...filters: readonly AccessLogFilter[]): AccessLogFilter =>
  create(AccessLogFilterSchema, {
    filterSpecifier: { case: 'andFilter', value: { filters: [...filters] } },
  });
