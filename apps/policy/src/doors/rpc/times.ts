// Times between protobuf and attributes, exact to the nanosecond. What is out of protobuf's range is cut to it.
import { create } from '@bufbuild/protobuf';
import {
  DurationSchema,
  type Duration as ProtoDuration,
  type Timestamp as ProtoTimestamp,
  TimestampSchema,
} from '@bufbuild/protobuf/wkt';
import { Duration, Timestamp } from '@xebec/policy';

const second = 1_000_000_000n;

type Parts = { readonly seconds: bigint; readonly nanos: number };

const nanosecondsOf = ({ seconds, nanos }: Parts): bigint => seconds * second + BigInt(nanos);

export const timestampOf = (time: ProtoTimestamp): Timestamp => new Timestamp(nanosecondsOf(time));
export const durationOf = (duration: ProtoDuration): Duration => new Duration(nanosecondsOf(duration));

export function protoTimestamp({ nanoseconds }: Timestamp): ProtoTimestamp {
  const nanos = ((nanoseconds % second) + second) % second;
  return create(TimestampSchema, { seconds: (nanoseconds - nanos) / second, nanos: Number(nanos) });
}

export const protoDuration = ({ nanoseconds }: Duration): ProtoDuration =>
  create(DurationSchema, { seconds: nanoseconds / second, nanos: Number(nanoseconds % second) });

/** Ten years: longer is for ever. */
const mostMs = 315_360_000_000;

export const protoDurationOfMs = (milliseconds: number): ProtoDuration =>
  protoDuration(
    new Duration(BigInt(Math.round(Math.min(Math.max(milliseconds, 0), mostMs) * 1_000)) * 1_000n),
  );
