// Which filter chain takes a connection: conditions in order, the first that holds decides. Envoy's own chain matches
// go by specificity and never step back from an address to a server name, so that rules could not be kept in order.
import type { MessageInitShape } from '@bufbuild/protobuf';
import { StringValueSchema } from '@bufbuild/protobuf/wkt';
import { prefixOf } from '@xebec/config';
import { anyOf } from '@xebec/protos';
import {
  ApplicationProtocolInputSchema,
  DestinationIPInputSchema,
  ServerNameInputSchema,
  TransportProtocolInputSchema,
} from '@xebec/protos/envoy/extensions/matching/common_inputs/network/v3/network_inputs_pb';
import { IpSchema } from '@xebec/protos/envoy/extensions/matching/input_matchers/ip/v3/ip_pb';
import type {
  Matcher_MatcherList_PredicateSchema,
  Matcher_OnMatchSchema,
  MatcherSchema,
} from '@xebec/protos/xds/type/matcher/v3/matcher_pb';
import type { Fields } from '../resource.ts';

type Predicate = Fields<typeof Matcher_MatcherList_PredicateSchema>;
type Matcher = Fields<typeof MatcherSchema>;
type OnMatch = MessageInitShape<typeof Matcher_OnMatchSchema>;

/** All that is said must hold. */
export interface ChainCondition {
  /** One of these server names, wildcards among them; empty: whatever the client says. */
  readonly serverNames: readonly string[];
  /** For each list: the destination lies in one of its blocks. */
  readonly blocks: readonly (readonly string[])[];
  readonly transport?: 'tls' | 'raw_buffer';
  /** What the HTTP inspector found, one of these. */
  readonly protocols?: readonly string[];
}

export interface ChainChoice {
  readonly condition: ChainCondition;
  readonly chain: string;
}

/** Chains by name in the order in which they are tried; without `otherwise` the rest is closed. */
export function encodeChainMatcher(choices: readonly ChainChoice[], otherwise?: string): Matcher {
  return {
    matcherType: {
      case: 'matcherList',
      value: {
        matchers: choices.map(({ condition, chain }) => ({
          predicate: allOf(predicatesOf(condition)),
          onMatch: goTo(chain),
        })),
      },
    },
    ...(otherwise === undefined ? {} : { onNoMatch: goTo(otherwise) }),
  };
}

const goTo = (chain: string): OnMatch => ({
  onMatch: {
    case: 'action',
    value: { name: 'chain', typedConfig: anyOf(StringValueSchema, { value: chain }) },
  },
});

function predicatesOf({ serverNames, blocks, transport, protocols }: ChainCondition): readonly Predicate[] {
  const wanted = serverNames.length > 0 ? 'tls' : transport;
  const named = serverNames.filter((name) => name !== '*');
  return [
    ...(wanted === undefined ? [] : [textIs(inputs.transport, wanted)]),
    ...(named.length === 0 || named.length < serverNames.length ? [] : [oneOf(named.map(nameIs))]),
    ...blocks.map(liesIn),
    ...(protocols === undefined
      ? []
      : [oneOf(protocols.map((name) => textIs(inputs.protocol, `'${name}'`)))]),
  ];
}

const inputs = {
  name: { name: 'server_name', typedConfig: anyOf(ServerNameInputSchema, {}) },
  address: { name: 'destination_ip', typedConfig: anyOf(DestinationIPInputSchema, {}) },
  transport: { name: 'transport_protocol', typedConfig: anyOf(TransportProtocolInputSchema, {}) },
  protocol: { name: 'application_protocol', typedConfig: anyOf(ApplicationProtocolInputSchema, {}) },
};

type Input = (typeof inputs)[keyof typeof inputs];

const text = (input: Input, pattern: { case: 'exact' | 'suffix'; value: string }): Predicate => ({
  matchType: {
    case: 'singlePredicate',
    value: { input, matcher: { case: 'valueMatch', value: { matchPattern: pattern } } },
  },
});

const textIs = (input: Input, value: string): Predicate => text(input, { case: 'exact', value });

const nameIs = (name: string): Predicate =>
  name.startsWith('*.')
    ? text(inputs.name, { case: 'suffix', value: name.slice(1) })
    : textIs(inputs.name, name);

const liesIn = (blocks: readonly string[]): Predicate => ({
  matchType: {
    case: 'singlePredicate',
    value: {
      input: inputs.address,
      matcher: {
        case: 'customMatch',
        value: {
          name: 'ip',
          typedConfig: anyOf(IpSchema, {
            statPrefix: 'destination',
            cidrRanges: blocks.map((block) => {
              const { address, length } = prefixOf(block);
              return { addressPrefix: address, prefixLen: length };
            }),
          }),
        },
      },
    },
  },
});

function oneOf(predicates: readonly Predicate[]): Predicate {
  const [first] = predicates;
  if (first !== undefined && predicates.length === 1) return first;
  return { matchType: { case: 'orMatcher', value: { predicate: [...predicates] } } };
}

function allOf(predicates: readonly Predicate[]): Predicate {
  const [first] = predicates;
  if (first !== undefined && predicates.length === 1) return first;
  return { matchType: { case: 'andMatcher', value: { predicate: [...predicates] } } };
}
