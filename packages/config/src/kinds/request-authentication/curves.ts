// The elliptic curves of tokens: whether a pair of coordinates is a point of the curve. Proxies refuse keys that are none.

interface Curve {
  readonly letters: number;
  readonly prime: bigint;
  readonly b: bigint;
}

// y² = x³ − 3x + b; FIPS 186-4, appendix D.1.2.
const curves: Readonly<Partial<Record<string, Curve>>> = {
  'P-256': {
    letters: 43,
    prime: 2n ** 256n - 2n ** 224n + 2n ** 192n + 2n ** 96n - 1n,
    b: 0x5ac635d8aa3a93e7b3ebbd55769886bc651d06b0cc53b0f63bce3c3e27d2604bn,
  },
  'P-384': {
    letters: 64,
    prime: 2n ** 384n - 2n ** 128n - 2n ** 96n + 2n ** 32n - 1n,
    b: 0xb3312fa7e23ee7e4988e056be3f82d19181d9c6efe8141120314088f5013875ac656398d8a2ed19d2a85c8edd3ec2aefn,
  },
  'P-521': {
    letters: 88,
    prime: 2n ** 521n - 1n,
    b: 0x051953eb9618e1c9a1f929a21a0b68540eea2da725b99b315f3b8b489918ef109e156193951ec7e937b1652c0bd3bb1bf073573df883d2c34f1ef451fd46b503f00n,
  },
};

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';

/** Of base64url with whole bytes. */
function numberOf(written: string): bigint {
  let bits = '';
  for (const letter of written) bits += alphabet.indexOf(letter).toString(2).padStart(6, '0');
  return BigInt(`0b0${bits.slice(0, bits.length - (bits.length % 8))}`);
}

/** Coordinates in base64url, as keys of this curve have them. */
export function isOnCurve(name: string, x: string, y: string): boolean {
  const curve = curves[name];
  if (curve === undefined || x.length !== curve.letters || y.length !== curve.letters) return false;
  const { prime, b } = curve;
  const [left, right] = [numberOf(x), numberOf(y)];
  if (left >= prime || right >= prime) return false;
  return (right * right - (left * left * left - 3n * left + b)) % prime === 0n;
}
