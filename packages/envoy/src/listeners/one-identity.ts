// Who calls has one name: a certificate with several is closed at its first byte, whichever of them is trusted.
import { create } from '@bufbuild/protobuf';
import type { Any } from '@bufbuild/protobuf/wkt';
import { anyOf } from '@xebec/protos';
import { ActionSchema, RBAC_Action } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import { RBACSchema } from '@xebec/protos/envoy/extensions/filters/network/rbac/v3/rbac_pb';
import { UriSanInputSchema } from '@xebec/protos/envoy/extensions/matching/common_inputs/ssl/v3/ssl_inputs_pb';
import { TypedExtensionConfigSchema } from '@xebec/protos/xds/core/v3/extension_pb';
import { networkFilter } from './addresses.ts';

const typed = (name: string, typedConfig: Any) => create(TypedExtensionConfigSchema, { name, typedConfig });

const action = (name: string, what: RBAC_Action) => ({
  onMatch: {
    case: 'action' as const,
    value: typed(name, anyOf(ActionSchema, { name, action: what })),
  },
});

/** Envoy joins the names with commas, which no SPIFFE id has. */
const severalNames = {
  engineType: { case: 'googleRe2' as const, value: {} },
  regex: '.*,.*',
};

/** Envoy itself takes a certificate of which any name is trusted; SPIFFE wants exactly one. */
export const oneIdentity = networkFilter(
  'xebec.one-identity',
  anyOf(RBACSchema, {
    statPrefix: 'identity.',
    matcher: {
      matcherType: {
        case: 'matcherList',
        value: {
          matchers: [
            {
              predicate: {
                matchType: {
                  case: 'singlePredicate',
                  value: {
                    input: typed('names', anyOf(UriSanInputSchema, {})),
                    matcher: {
                      case: 'valueMatch',
                      value: { matchPattern: { case: 'safeRegex', value: severalNames } },
                    },
                  },
                },
              },
              onMatch: action('several-identities', RBAC_Action.DENY),
            },
          ],
        },
      },
      onNoMatch: action('one-identity', RBAC_Action.ALLOW),
    },
  }),
);
