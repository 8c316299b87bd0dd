// What a login needs of an issuer's OpenID configuration (OpenID Connect Discovery 1.0). What leads from https to http is refused.

export interface LoginEndpoints {
  /** Where browsers are sent to log in. */
  readonly authorization: string;
  /** Where the gateway gets tokens. */
  readonly token: string;
  /** Where browsers are sent after logging out here, to log out there. */
  readonly endSession?: string;
  /** How the gateway says who it is there. */
  readonly clientAuthentication: 'basic' | 'post';
}

export type LoginEndpointsReading =
  | { readonly kind: 'endpoints'; readonly endpoints: LoginEndpoints }
  /** In words for an operator. */
  | { readonly kind: 'bad'; readonly reason: string };

/** `issuer`: who was asked; who answers must be the same. */
export function readLoginEndpoints(
  issuer: string,
  written: Readonly<Record<string, unknown>>,
): LoginEndpointsReading {
  if (written['issuer'] !== issuer) return bad('the OpenID configuration is of another issuer');
  const authorization = addressIn(written['authorization_endpoint'], issuer);
  const token = addressIn(written['token_endpoint'], issuer);
  const endSession = addressIn(written['end_session_endpoint'], issuer);
  if (authorization === undefined)
    return bad('the OpenID configuration has no usable authorization_endpoint');
  if (token === undefined) return bad('the OpenID configuration has no usable token_endpoint');
  const clientAuthentication = authenticationIn(written['token_endpoint_auth_methods_supported']);
  if (clientAuthentication === undefined)
    return bad('the issuer takes clients neither by client_secret_basic nor by client_secret_post');
  return {
    kind: 'endpoints',
    endpoints: {
      authorization,
      token,
      ...(endSession === undefined ? {} : { endSession }),
      clientAuthentication,
    },
  };
}

const bad = (reason: string): LoginEndpointsReading => ({ kind: 'bad', reason });

function addressIn(value: unknown, issuer: string): string | undefined {
  if (typeof value !== 'string' || value.length > 2_048 || !URL.canParse(value)) return undefined;
  const { protocol, username, password, hash, href } = new URL(value);
  const isSafe = protocol === 'https:' || (protocol === 'http:' && !issuer.startsWith('https:'));
  return isSafe && username === '' && password === '' && hash === '' && !/[\s"<>\\^`{|}]/.test(href)
    ? href
    : undefined;
}

/** Absent means client_secret_basic. Issuers differ in how they read signs in a secret there, so the other one is liked better. */
function authenticationIn(value: unknown): LoginEndpoints['clientAuthentication'] | undefined {
  if (!Array.isArray(value)) return 'basic';
  if (value.includes('client_secret_post')) return 'post';
  return value.includes('client_secret_basic') ? 'basic' : undefined;
}

/** As it is kept; `loginEndpointsOf` reads it. */
export const loginEndpointsText = (endpoints: LoginEndpoints): string => JSON.stringify(endpoints);

/** Undefined: not what `loginEndpointsText` has written. */
export function loginEndpointsOf(kept: string): LoginEndpoints | undefined {
  try {
    const value: unknown = JSON.parse(kept);
    if (typeof value !== 'object' || value === null) return undefined;
    const { authorization, token, endSession, clientAuthentication } = value as Record<string, unknown>;
    const reading = readLoginEndpoints('', {
      issuer: '',
      authorization_endpoint: authorization,
      token_endpoint: token,
      end_session_endpoint: endSession,
      token_endpoint_auth_methods_supported: [`client_secret_${String(clientAuthentication)}`],
    });
    return reading.kind === 'endpoints' ? reading.endpoints : undefined;
  } catch {
    return undefined;
  }
}
