// A handler of the quota template over any ledger: finds the limit of an instance and charges the counter of its dimensions.
import type { Handler, QuotaArguments, QuotaVerdict } from '../adapters/sdk.ts';
import type { Instance } from '../templates/template.ts';
import { dimensionsOf } from './dimension-text.ts';
import { counterKey, type QuotaLedger } from './ledger.ts';
import { limitFor, type QuotaDefinition } from './limits/definition.ts';

export interface QuotaHandlerOptions {
  /** Of the handler, so that two handlers count by themselves. */
  readonly name: string;
  readonly namespace: string;
  readonly ledger: QuotaLedger;
  readonly definitions: readonly QuotaDefinition[];
  readonly deduplicationMs: number;
}

export function createQuotaHandler(options: QuotaHandlerOptions): Handler {
  const { name, namespace, ledger, definitions, deduplicationMs } = options;
  const byInstance = new Map(definitions.map((one) => [fullName(one.name, namespace), one]));
  return {
    allocate(instance: Instance, asked: QuotaArguments) {
      const definition = byInstance.get(instance.name);
      if (definition === undefined) return unknownQuota(instance.name, name);
      const dimensions = dimensionsOf(instance.fields['dimensions']);
      const counters = [
        {
          counter: counterKey(`${name}/${instance.name}`, dimensions),
          limit: limitFor(definition, dimensions),
        },
      ];
      return ledger.allocate({ ...asked, counters, deduplicationMs });
    },
  };
}

/** `requestcount` and `requestcount.istio-system` are `requestcount.instance.istio-system`, as everywhere in rules. */
export function fullName(written: string, namespace: string): string {
  if (/\.instance\.[^.]+$/.test(written)) return written;
  const old = /^(.+)\.quota\.([^.]+)$/.exec(written);
  if (old !== null) return `${old[1]}.instance.${old[2]}`;
  const dot = written.lastIndexOf('.');
  return dot < 0
    ? `${written}.instance.${namespace}`
    : `${written.slice(0, dot)}.instance.${written.slice(dot + 1)}`;
}

const unknownQuota = (instance: string, handler: string): QuotaVerdict => ({
  status: { code: 5, message: `${handler} has no quota ${instance}` },
  granted: 0n,
  validDurationMs: 0,
});
