// What an issuer says of itself is believed as far as it is whole, its own, and leads to nothing less safe.
import { expect, test } from 'vitest';
import { loginEndpointsOf, loginEndpointsText, readLoginEndpoints } from './endpoints.ts';

const issuer = 'https://a.example';
const whole = {
  issuer,
  authorization_endpoint: `${issuer}/login?realm=1`,
  token_endpoint: 'https://tokens.example/token',
  end_session_endpoint: `${issuer}/end`,
};

test('what is written is read again', () => {
  const read = readLoginEndpoints(issuer, whole);
  expect(read).toEqual({
    kind: 'endpoints',
    endpoints: {
      authorization: `${issuer}/login?realm=1`,
      token: 'https://tokens.example/token',
      endSession: `${issuer}/end`,
      clientAuthentication: 'basic',
    },
  });
  if (read.kind === 'endpoints')
    expect(loginEndpointsOf(loginEndpointsText(read.endpoints))).toEqual(read.endpoints);
});

test.each([
  [{ issuer: 'https://b.example' }, 'another issuer'],
  [{ issuer: `${issuer}/` }, 'another issuer'],
  [{ authorization_endpoint: 'http://a.example/login' }, 'authorization_endpoint'],
  [{ authorization_endpoint: 'javascript:alert(1)' }, 'authorization_endpoint'],
  [{ authorization_endpoint: undefined }, 'authorization_endpoint'],
  [{ token_endpoint: 'http://a.example/token' }, 'token_endpoint'],
  [{ token_endpoint: 'https://user:word@a.example/token' }, 'token_endpoint'],
  [{ token_endpoint: ['https://a.example/token'] }, 'token_endpoint'],
  [{ token_endpoint_auth_methods_supported: ['private_key_jwt'] }, 'client_secret_post'],
])('%o is refused', (change, reason) => {
  const read = readLoginEndpoints(issuer, { ...whole, ...change });
  expect(read).toEqual({ kind: 'bad', reason: expect.stringContaining(reason) });
});

test.each(['', '[]', '{}', 'null', '{"authorization":1}'])('%s is not what was kept', (kept) =>
  expect(loginEndpointsOf(kept)).toBeUndefined(),
);
