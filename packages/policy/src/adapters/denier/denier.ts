// denier: refuses every check and quota that it is asked, with the status that it was given. Rule: the answer is the same for all, so it may be kept as long as `validDuration` says.
import { decodeWith } from '@xebec/config/decode';
import type { Adapter, CheckVerdict, QuotaVerdict } from '../sdk.ts';
import { type DenierConfig, denierParams } from './params.ts';

export const denier: Adapter<DenierConfig> = {
  name: 'denier',
  description: 'refuses every check and quota with a status of your choice',
  templates: ['checknothing', 'listentry', 'quota'],
  parse: (params) => decodeWith(denierParams, params),
  build: ({ status, validDurationMs, validUseCount, directResponse }) => {
    const denial: CheckVerdict = {
      status,
      validDurationMs,
      validUseCount,
      ...(directResponse === undefined ? {} : { directResponse }),
    };
    const nothing: QuotaVerdict = { status, granted: 0n, validDurationMs };
    return { check: () => denial, allocate: () => nothing };
  },
};
