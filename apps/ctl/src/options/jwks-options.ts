// Options about keys of tokens, which `up` passes on to its control plane.
import { InvalidArgumentError, Option } from 'commander';
import { durationArgument } from './shared-options.ts';

export interface JwksFlags {
  readonly jwksAllow?: readonly string[];
  readonly jwksRefresh?: number;
}

function allowedArgument(value: string, previous: readonly string[] | undefined): readonly string[] {
  if (/^[\w.-]+$/.test(value) || /^[\w.:]+(\/\d{1,3})?$/.test(value)) return [...(previous ?? []), value];
  throw new InvalidArgumentError('Write an address, a block such as 10.0.0.0/8, or the name of a host.');
}

export const jwksAllowOption = (): Option =>
  new Option(
    '--jwks-allow <cidr|host>',
    'keys may be fetched from there, also when it is this machine or in clear text; may be repeated',
  ).argParser(allowedArgument);

export const jwksRefreshOption = (): Option =>
  new Option('--jwks-refresh <duration>', 'how often keys of tokens are fetched (default: 5m)').argParser(
    durationArgument,
  );

/** The same words for another process. */
export const jwksArguments = ({ jwksAllow = [], jwksRefresh }: JwksFlags): readonly string[] => [
  ...jwksAllow.flatMap((entry) => ['--jwks-allow', entry]),
  ...(jwksRefresh === undefined ? [] : ['--jwks-refresh', `${jwksRefresh}ms`]),
];
