// FileDescriptorSets in objects: base64, as the generators of adapters and templates write them.
import { andThen, type Decoder, text } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';

const mostCharacters = 1_048_576;

/** Base64 without line breaks, at most 1 MiB; empty: there is none. */
export const descriptorText: Decoder<string> = andThen(text, (written, walk) => {
  const compact = written.replaceAll(/\s/g, '');
  if (compact.length <= mostCharacters && compact.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(compact))
    return compact;
  return refuse(walk, {
    code: 'invalid-base64',
    message: 'is not a FileDescriptorSet in base64 of at most 1 MiB',
    remedy: 'generate it with protoc --include_imports --descriptor_set_out, and encode it with base64',
  });
});
