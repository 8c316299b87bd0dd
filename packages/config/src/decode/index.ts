// Decoders for those who read configuration of their own inside an object: the parameters of an adapter. Every problem has its field and what to write.
import { type Diagnostic, fail, type Result, succeed } from '@xebec/std';
import type { Decoder } from './decoder.ts';
import { formatPath, startWalk } from './walk.ts';

export { ipAddressOrBlock } from '../values/address.ts';
export { durationOrZero, positiveDuration } from '../values/duration.ts';
export { emptyMap, isMap, plainMap } from '../values/plain-map.ts';
export { redisUrl } from '../values/redis-url.ts';
export { regex } from '../values/regex.ts';
export {
  andThen,
  boolean,
  count,
  type Decoder,
  integer,
  list,
  mapOf,
  oneOf,
  text,
  uint32,
  wrongType,
} from './decoder.ts';
export { type DescribedField, type Description, describe } from './description.ts';
export { type Decoded, exactlyOne, object, optional, required, withDefault } from './object.ts';
export { quote } from './quote.ts';
export { nearest, suggestion } from './suggest.ts';
export { type Complaint, caution, formatPath, type Path, refuse, type Walk } from './walk.ts';

/** Reads `value`; fields of diagnostics are relative to it. */
export function decodeWith<T>(decoder: Decoder<T>, value: unknown): Result<T> {
  const walk = startWalk({ name: '', namespace: '', labels: {}, annotations: {} });
  const decoded = decoder(value, walk);
  const diagnostics = walk.problems.map(
    ({ path, ...problem }): Diagnostic => ({ ...problem, field: formatPath(path) }),
  );
  return decoded === undefined ? fail(...diagnostics) : succeed(decoded, diagnostics);
}
