// Options of the control plane about who gets certificates, and from whom; `up` passes them on to its control plane.
import { type Command, Option } from 'commander';

export interface TokenFlags {
  readonly tokenIssuer?: string;
  readonly tokenJwks?: string;
  readonly tokenAudience?: readonly string[];
  readonly tokenReview?: string;
  readonly tokenReviewRoots: string;
  readonly tokenReviewToken: string;
}

export interface IdentityFlags extends TokenFlags {
  readonly caSigner?: string;
  readonly caSignerRoots?: string;
}

const several = (value: string, previous: readonly string[] | undefined): readonly string[] => [
  ...(previous ?? []),
  value,
];

const serviceAccountDirectory = '/var/run/secrets/kubernetes.io/serviceaccount';

const signerOptions: readonly Option[] = [
  new Option(
    '--ca-signer <url>',
    'have somebody else sign certificates: unix:PATH, https://HOST:PORT/PATH, or http:// on loopback',
  ),
  new Option('--ca-signer-roots <file>', 'roots of its certificate (default: those of Node)'),
];

const tokenOptions: readonly Option[] = [
  new Option(
    '--token-issuer <issuer>',
    'take tokens (JWT) of this issuer, whose subject is system:serviceaccount:NAMESPACE:NAME',
  ),
  new Option('--token-jwks <file>', 'the keys of that issuer; read again when they change'),
  new Option(
    '--token-audience <name>',
    'whom tokens must be for; may be repeated (default: istio-ca; at the policy service xebec-policy, too)',
  ).argParser(several),
  new Option(
    '--token-review <url>',
    'take tokens that a Kubernetes API server vouches for (https://HOST:PORT)',
  ),
  new Option('--token-review-roots <file>', 'roots of its certificate').default(
    `${serviceAccountDirectory}/ca.crt`,
  ),
  new Option('--token-review-token <file>', 'our own token there').default(
    `${serviceAccountDirectory}/token`,
  ),
];

/** The same words for another process. */
export const identityArguments = (flags: IdentityFlags): readonly string[] => [
  ...said('--ca-signer', flags.caSigner),
  ...said('--ca-signer-roots', flags.caSignerRoots),
  ...tokenArguments(flags),
];

export const tokenArguments = (flags: TokenFlags): readonly string[] => [
  ...said('--token-issuer', flags.tokenIssuer),
  ...said('--token-jwks', flags.tokenJwks),
  ...(flags.tokenAudience ?? []).flatMap((name) => ['--token-audience', name]),
  ...said('--token-review', flags.tokenReview),
  ...said('--token-review-roots', flags.tokenReviewRoots),
  ...said('--token-review-token', flags.tokenReviewToken),
];

const said = (flag: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [flag, value];

export const withIdentityOptions = (command: Command): Command =>
  withTokenOptions(signerOptions.reduce((one, option) => one.addOption(option), command));

/** Whose tokens are taken. */
export const withTokenOptions = (command: Command): Command =>
  tokenOptions.reduce((one, option) => one.addOption(option), command);
