// The parameters of denier: what it says, and how long that holds.
import {
  andThen,
  type Decoder,
  durationOrZero,
  integer,
  isMap,
  list,
  mapOf,
  object,
  quote,
  refuse,
  text,
  withDefault,
  wrongType,
} from '@xebec/config/decode';
import type { DirectResponse, Status } from '../sdk.ts';

export interface DenierConfig {
  readonly status: Status;
  readonly validDurationMs: number;
  readonly validUseCount: number;
  readonly directResponse?: DirectResponse;
}

const directType = 'type.googleapis.com/istio.policy.v1beta1.DirectHttpResponse';

const directResponse = object(
  {
    code: withDefault(integer(200, 599), 403),
    body: withDefault(text, ''),
    headers: withDefault<Readonly<Record<string, string>>>(mapOf(text), {}),
  },
  { ignored: ['@type'] },
);

/** Of all that a status may carry, only the answer in the service's place means something here. */
const detail: Decoder<DirectResponse> = (value, walk) => {
  if (!isMap(value)) return refuse(walk, wrongType('a map', value, `write "@type": ${directType}`));
  const type = String(value['@type'] ?? '');
  if (type !== directType) {
    const message = `${quote(type)} is not a detail that a denial can have`;
    return refuse(walk, { code: 'unknown-value', message, remedy: `write ${directType}` }, '@type');
  }
  const decoded = directResponse(value, walk);
  if (decoded === undefined) return undefined;
  return { httpStatus: decoded.code, body: decoded.body, headers: decoded.headers };
};

interface Denial {
  readonly code: number;
  readonly message: string;
  readonly details: readonly DirectResponse[];
}

const failedPrecondition = 9;
const lastCode = 16;
const noDetails: readonly DirectResponse[] = [];
const plainDenial: Denial = { code: failedPrecondition, message: '', details: noDetails };

const denial: Decoder<Denial> = object({
  code: withDefault(integer(1, lastCode), failedPrecondition),
  message: withDefault(text, ''),
  details: withDefault<readonly DirectResponse[]>(list(detail, { most: 1 }), noDetails),
});

export const denierParams: Decoder<DenierConfig> = andThen(
  object({
    status: withDefault<Denial>(denial, plainDenial),
    validDuration: withDefault(durationOrZero, 5_000),
    validUseCount: withDefault(integer(0, 0x7fff_ffff), 1_000),
  }),
  ({ status, validDuration, validUseCount }) => {
    const [direct] = status.details;
    return {
      status: { code: status.code, message: status.message },
      validDurationMs: validDuration,
      validUseCount,
      ...(direct === undefined ? {} : { directResponse: direct }),
    };
  },
);
