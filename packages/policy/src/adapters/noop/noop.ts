// noop: takes everything and does nothing with it. For trying rules out: what it got is counted as for every handler.
import { decodeWith, object } from '@xebec/config/decode';
import { type Adapter, OK } from '../sdk.ts';

const allowed = { status: OK, validDurationMs: 60_000, validUseCount: 10_000 };

export const noop: Adapter<object> = {
  name: 'noop',
  description: 'allows and swallows everything; its calls are counted',
  templates: ['*'],
  parse: (params) => decodeWith(object({}), params),
  build: () => ({
    check: () => allowed,
    report: () => undefined,
    allocate: (_instance, { amount }) => ({ status: OK, granted: amount, validDurationMs: 60_000 }),
    generate: () => ({}),
  }),
};
