// Base64 as Kubernetes and protobuf JSON write bytes.
import type { Decoder } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';
import { secretText } from './secret-text.ts';

const alphabet = /^[A-Za-z0-9+/]*={0,2}$/;

/** Standard base64, line breaks allowed; a value is never repeated in a message: it may be secret. */
export const base64: Decoder<Uint8Array> = (value, walk) => {
  const written = secretText(value, walk);
  if (written === undefined) return undefined;
  const compact = written.replaceAll(/[\r\n]/g, '');
  if (compact.length % 4 === 0 && alphabet.test(compact)) {
    return Uint8Array.from(atob(compact), (character) => character.charCodeAt(0));
  }
  return refuse(walk, {
    code: 'invalid-base64',
    message: 'is not base64',
    remedy: 'encode the value with base64',
  });
};
