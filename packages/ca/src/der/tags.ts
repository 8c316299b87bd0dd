// The DER tags this package reads and writes (X.690 §8.1.2): one byte each, higher tag numbers are not used by X.509.
export const TAG = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  objectIdentifier: 0x06,
  utf8String: 0x0c,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** A context-specific tag: constructed for EXPLICIT values and structures, primitive for IMPLICIT strings. */
export const contextTag = (number: number, form: 'constructed' | 'primitive'): number =>
  0x80 | (form === 'constructed' ? 0x20 : 0) | number;
