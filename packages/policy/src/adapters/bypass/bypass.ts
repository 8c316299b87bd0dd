// bypass: hands instances of the standard templates to an adapter outside, for which there is no adapter resource. Rule: it is called as every adapter outside is; without a way to call it no handler is built.
import {
  andThen,
  boolean,
  decodeWith,
  isMap,
  object,
  optional,
  quote,
  refuse,
  required,
  text,
  withDefault,
  wrongType,
} from '@xebec/config/decode';
import type { Adapter, BuildRemoteHandler } from '../sdk.ts';

export interface BypassConfig {
  readonly address: string;
  readonly params: unknown;
  readonly isSessionBased: boolean;
}

const longestAddress = 300;
const addressPattern = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+):[1-9]\d{0,4}$/;

const address = andThen(text, (written, walk) =>
  written.length <= longestAddress && addressPattern.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-address',
        message: `${quote(written)} is not where an adapter can be reached`,
        remedy: 'write HOST:PORT',
      }),
);

const shape = object({
  backendAddress: required(address),
  params: optional<unknown>((value, walk) =>
    isMap(value) || typeof value === 'string' ? value : refuse(walk, wrongType('a map', value)),
  ),
  sessionBased: withDefault(boolean, false),
});

const defaultTimeoutMs = 2_000;

export const bypass = (buildRemote?: BuildRemoteHandler): Adapter<BypassConfig> => ({
  name: 'bypass',
  description: 'hands everything to an adapter outside, over gRPC',
  templates: ['*'],
  parse: (params) =>
    decodeWith(
      andThen(shape, (value) => ({
        address: value.backendAddress,
        params: value.params,
        isSessionBased: value.sessionBased,
      })),
      params,
    ),
  build: ({ address: where, params, isSessionBased }, context) => {
    if (buildRemote === undefined) throw new Error('adapters outside cannot be called here');
    return buildRemote(
      {
        name: context.name,
        address: where,
        timeoutMs: defaultTimeoutMs,
        isSessionBased,
        config: '',
        params,
      },
      context,
    );
  },
});
