// Milliseconds to protobuf durations and large numbers that mean "no limit".
import type { MessageInitShape } from '@bufbuild/protobuf';
import type { DurationSchema } from '@bufbuild/protobuf/wkt';

type DurationInit = MessageInitShape<typeof DurationSchema>;

/** Envoy's limits are 32 bits wide; this is the largest. */
export const unlimited = 4_294_967_295;

export function durationOf(milliseconds: number): DurationInit {
  const seconds = Math.floor(milliseconds / 1000);
  return { seconds: BigInt(seconds), nanos: Math.round((milliseconds - seconds * 1000) * 1_000_000) };
}
