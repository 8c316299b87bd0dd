// opa: decisions of Rego, evaluated here as a compiled policy or asked of an Open Policy Agent server over its REST API. Rule: no decision is never a permission, unless the handler says so.
import { decodeWith, isMap } from '@xebec/config/decode';
import type { Instance } from '../../templates/template.ts';
import { callTimeoutMs, expectTaken, jsonBody, type OpenHttp } from '../http-backend.ts';
import { type Adapter, type AdapterForm, type Handler, type HandlerContext, OK } from '../sdk.ts';
import { jsonOf } from '../texts.ts';
import { statusOfDecision } from './decision.ts';
import { type OpaConfig, type OpaDecider, opaParams } from './params.ts';
import type { OpenOpaProgram } from './program.ts';

export const opaForm: AdapterForm<OpaConfig> = {
  name: 'opa',
  description: 'decisions of Rego, compiled to Wasm or asked of an Open Policy Agent server',
  templates: ['authorization', 'checknothing', 'listentry', 'apikey'],
  parse: (params) => decodeWith(opaParams, params ?? {}),
};

/** What opa needs of the process. */
export interface OpaPorts {
  readonly http: OpenHttp;
  /** Absent: handlers with a compiled policy are not built. */
  readonly program?: OpenOpaProgram;
}

export const createOpa = (ports: OpaPorts): Adapter<OpaConfig> => ({
  ...opaForm,
  async build(config, context) {
    const { ask, close } = await openDecider(config.decider, { path: config.path, ports, context });
    const { decider } = config;
    const limit = decider.kind === 'server' ? { timeoutMs: callTimeoutMs(decider.backend) } : {};
    return { check: checkOf(ask, config), close, ...limit };
  },
});

interface Decider {
  /** Rejects when there is no decision. */
  ask(input: unknown, signal: AbortSignal): Promise<unknown>;
  close(): void | Promise<void>;
}

interface Opening {
  readonly path: string;
  readonly ports: OpaPorts;
  readonly context: HandlerContext;
}

async function openDecider(decider: OpaDecider, { path, ports, context }: Opening): Promise<Decider> {
  if (decider.kind === 'server') {
    const client = ports.http(decider.backend);
    return {
      async ask(input, signal) {
        const answer = await client.post(`/v1/data/${path}`, { input }, signal);
        expectTaken(answer);
        const said = jsonBody(answer);
        return isMap(said) ? said['result'] : undefined;
      },
      close: () => client.close(),
    };
  }
  if (ports.program === undefined) throw new Error('compiled policies cannot be evaluated here');
  const { source, data, timeoutMs } = decider;
  const { reportProblem } = context;
  const program = await ports.program({ source, data, timeoutMs, entrypoint: path, reportProblem });
  return { ask: (input, signal) => program.evaluate(input, signal), close: () => program.close() };
}

const undecided = { code: 7, message: 'OPA could not decide' };

const checkOf = (ask: Decider['ask'], config: OpaConfig): NonNullable<Handler['check']> => {
  const { onFailure, validDurationMs, validUseCount } = config;
  return async (instance, signal) => {
    try {
      return {
        status: statusOfDecision(await ask(inputOf(instance), signal)),
        validDurationMs,
        validUseCount,
      };
    } catch (error) {
      if (onFailure === undefined) throw error;
      const status = onFailure === 'refuse' ? undecided : OK;
      return { status, validDurationMs: 0, validUseCount: 1 };
    }
  };
};

/** As Istio's adapter gave it: the fields of the instance, `subject` and `action` of an authorization. */
const inputOf = ({ fields }: Instance): unknown => jsonOf(fields);
