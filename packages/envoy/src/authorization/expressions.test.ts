// What is written in a policy stays text in the expression made of it.
import { describe, expect, it } from 'vitest';
import { policyExpression, quoted } from './expressions.ts';

const named = (exact: string) => ({
  principals: [
    {
      identifier: {
        case: 'authenticated' as const,
        value: { principalName: { matchPattern: { case: 'exact' as const, value: exact } } },
      },
    },
  ],
  permissions: [{ rule: { case: 'any' as const, value: true } }],
});

describe('quoted text', () => {
  it('cannot end itself or the command around it', () => {
    expect(quoted("a' || true)% \\")).toBe("'a\\U00000027 || true\\U00000029\\U00000025 \\U0000005c'");
    expect(quoted('é😀\ud800\n')).toBe("'\\U000000e9\\U0001f600\\U0000fffd\\U0000000a'");
  });
});

describe('an expression', () => {
  it('is as short as the rules allow', () => {
    expect(policyExpression(named('x'), 'mesh')).toBe("connection.uri_san_peer_certificate == 'x'");
    expect(policyExpression(named('x'), 'unproven')).toBe('false');
  });

  it('is not there where it would say something else', () => {
    const address = { addressPrefix: 'fd00::', prefixLen: 8 };
    const principals = [{ identifier: { case: 'remoteIp' as const, value: address } }];
    expect(policyExpression({ ...named('x'), principals }, 'mesh')).toBeUndefined();
    const header = { case: 'header' as const, value: { name: 'x' } };
    expect(policyExpression({ ...named('x'), permissions: [{ rule: header }] }, 'mesh')).toBeUndefined();
    // What is never asked does not matter; but a part that nobody can tell might decide.
    expect(
      policyExpression({ principals: [...named('x').principals, ...principals] }, 'unproven'),
    ).toBeUndefined();
  });
});
