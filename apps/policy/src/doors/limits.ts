// How much one caller may say. What is above is refused or dropped, and counted; nothing grows without a bound.
import type { ChannelOptions } from '@grpc/grpc-js';

export interface DoorLimits {
  /** Attributes of one call. */
  readonly attributes: number;
  /** Bytes of an attribute's name, or of a key of a map. */
  readonly nameBytes: number;
  /** Bytes of a value of text or of bytes. */
  readonly valueBytes: number;
  /** Entries of a map. */
  readonly mapEntries: number;
  /** Quotas asked for in one call. */
  readonly quotas: number;
  /** Attribute bags of one Report. */
  readonly bags: number;
  /** Bytes of these bags together, each whole: what one repeats of another counts again. */
  readonly reportBytes: number;
}

export const defaultLimits: DoorLimits = {
  attributes: 256,
  nameBytes: 256,
  valueBytes: 64 * 1024,
  mapEntries: 256,
  quotas: 32,
  bags: 10_000,
  reportBytes: 64 * 1024 * 1024,
};

/** Bytes of one message. */
export const mostMessageBytes = 4 * 1024 * 1024;

/** For the gRPC server that the doors are registered with. */
export const doorServerOptions: ChannelOptions = {
  'grpc.max_receive_message_length': mostMessageBytes,
  'grpc.max_concurrent_streams': 1_000,
};
