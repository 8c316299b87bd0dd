// The bags of one report, unfolded one by one. Rule: they are counted while they unfold, so that a small message of which each bag repeats the one before it cannot fill the memory.
import { status } from '@grpc/grpc-js';
import type { AttributeBag, AttributeValue } from '@xebec/policy';
import type { DoorLimits } from '../limits.ts';
import { type Refusal, refusal } from '../rpc/refusal.ts';

export function unfoldBags(
  bags: Iterable<AttributeBag>,
  limits: Pick<DoorLimits, 'bags' | 'reportBytes'>,
): readonly AttributeBag[] | Refusal {
  const taken: AttributeBag[] = [];
  let bytes = 0;
  for (const bag of bags) {
    if (taken.length >= limits.bags)
      return refusal(status.INVALID_ARGUMENT, `more than ${limits.bags} bags in one report`);
    bytes += sizeOf(bag);
    if (bytes > limits.reportBytes)
      return refusal(
        status.INVALID_ARGUMENT,
        `the bags of the report have more than ${limits.reportBytes} bytes together, counting what each repeats: send fewer at once`,
      );
    taken.push(bag);
  }
  return taken;
}

/** What an entry costs beside its texts. */
const entryBytes = 16;

/** About as many bytes as a bag has; exact for ASCII texts. */
export function sizeOf(bag: AttributeBag): number {
  let bytes = 0;
  for (const [name, value] of bag) bytes += entryBytes + name.length + valueSize(value);
  return bytes;
}

function valueSize(value: AttributeValue): number {
  if (typeof value === 'string' || value instanceof Uint8Array) return value.length;
  if (!(value instanceof Map)) return 0;
  let bytes = 0;
  for (const [key, text] of value) bytes += entryBytes + key.length + text.length;
  return bytes;
}
