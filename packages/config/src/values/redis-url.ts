// The address of a Redis server, with or without `redis://`; given with it.
import { andThen, type Decoder, text } from '../decode/decoder.ts';
import { refuse } from '../decode/walk.ts';

/** Never quoted whole in a message: it may hold a password. */
export const redisUrl: Decoder<string> = andThen(text, (written, walk) => {
  const url = /^rediss?:\/\//.test(written) ? written : `redis://${written}`;
  const parsed = URL.canParse(url) && written.length <= 1_024 ? new URL(url) : undefined;
  if (parsed !== undefined && parsed.hostname !== '' && /^(\/\d*)?$/.test(parsed.pathname)) return url;
  return refuse(walk, {
    code: 'invalid-url',
    message: 'this is not the address of a Redis server',
    remedy: 'write HOST:PORT, or redis://USER:PASSWORD@HOST:PORT/DATABASE (rediss:// for TLS)',
  });
});
