// opa: decisions of an Open Policy Agent, asked over its REST API. Rule: only `true` lets a call through; a decision that is not defined refuses.
import {
  andThen,
  type Decoder,
  decodeWith,
  durationOrZero,
  integer,
  isMap,
  object,
  quote,
  refuse,
  required,
  text,
  withDefault,
} from '@xebec/config/decode';
import type { Instance } from '../../templates/template.ts';
import {
  expectTaken,
  type HttpAnswer,
  type HttpBackend,
  httpBackend,
  httpFields,
  httpUrl,
  jsonBody,
  type OpenHttp,
} from '../http-backend.ts';
import { type Adapter, type AdapterForm, OK, type Status } from '../sdk.ts';
import { anySpelling } from '../spelling.ts';
import { jsonOf } from '../texts.ts';

export interface OpaConfig {
  readonly backend: HttpBackend;
  /** Path of the decision below `/v1/data`: `/mixerauthz/allow`. */
  readonly path: string;
  /** How long and how often a verdict may be used again. */
  readonly validDurationMs: number;
  readonly validUseCount: number;
}

const decision: Decoder<string> = andThen(text, (written, walk) =>
  /^data(\.[A-Za-z_]\w*)+$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not the name of a decision`,
        remedy: 'write it as Rego does, such as data.mixerauthz.allow',
      }),
);

const shape = anySpelling(
  object({
    url: required(httpUrl),
    ...httpFields,
    checkMethod: withDefault(decision, 'data.mixerauthz.allow'),
    validDuration: withDefault(durationOrZero, 0),
    validUseCount: withDefault(integer(1, 0x7fff_ffff), 1),
  }),
);

export const opaParams: Decoder<OpaConfig> = (value, walk) => {
  if (isMap(value) && value['policy'] !== undefined) {
    const message = 'Rego is not run inside the policy service';
    const remedy = 'load it into an OPA server, and name that in "url"';
    return refuse(walk, { code: 'not-yet-supported', message, remedy }, 'policy');
  }
  const written = shape(value, walk);
  if (written === undefined) return undefined;
  const { checkMethod, validDuration, validUseCount } = written;
  const path = checkMethod.split('.').slice(1).join('/');
  return { backend: httpBackend(written), path: `/${path}`, validDurationMs: validDuration, validUseCount };
};

export const opaForm: AdapterForm<OpaConfig> = {
  name: 'opa',
  description: 'decisions of an Open Policy Agent server',
  templates: ['authorization', 'checknothing', 'listentry', 'apikey'],
  parse: (params) => decodeWith(opaParams, params ?? {}),
};

export const createOpa = (open: OpenHttp): Adapter<OpaConfig> => ({
  ...opaForm,
  build({ backend, path, validDurationMs, validUseCount }) {
    const client = open(backend);
    return {
      async check(instance, signal) {
        const answer = await client.post(`/v1/data${path}`, { input: inputOf(instance) }, signal);
        return { status: statusOf(answer), validDurationMs, validUseCount };
      },
      close: () => client.close(),
    };
  },
});

/** As Istio's adapter gave it: the fields of the instance, `subject` and `action` of an authorization. */
const inputOf = ({ fields }: Instance): unknown => jsonOf(fields);

const denied: Status = { code: 7, message: 'refused by OPA' };

/** `{"result": true}`, or `{"result": {"allow": true, "message": "…"}}`. */
function statusOf(answer: HttpAnswer): Status {
  expectTaken(answer);
  const said = jsonBody(answer);
  const result = isMap(said) ? said['result'] : undefined;
  if (result === true) return OK;
  if (!isMap(result)) return denied;
  if (result['allow'] === true) return OK;
  const message = result['message'];
  return typeof message === 'string' ? { code: 7, message: message.slice(0, 1_000) } : denied;
}
