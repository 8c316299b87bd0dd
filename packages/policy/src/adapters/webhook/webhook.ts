// webhook: checks and reports as JSON over HTTP, to a program of one's own. Rule: only a clear answer lets a call through; all else is a failure, about which the rule decides.
import {
  type Decoder,
  decodeWith,
  durationOrZero,
  integer,
  isMap,
  object,
  required,
  withDefault,
} from '@xebec/config/decode';
import type { Instance } from '../../templates/template.ts';
import {
  callTimeoutMs,
  expectTaken,
  filePath,
  type HttpAnswer,
  type HttpBackend,
  httpBackend,
  httpFields,
  httpUrl,
  jsonBody,
  type OpenHttp,
} from '../http-backend.ts';
import { type Adapter, type AdapterForm, type CheckVerdict, OK, type Status } from '../sdk.ts';
import { anySpelling } from '../spelling.ts';
import { jsonOf } from '../texts.ts';

export interface WebhookConfig {
  readonly backend: HttpBackend;
  /** Empty: bodies are not signed. */
  readonly signatureKeyPath: string;
  /** How long and how often a verdict may be used again. */
  readonly validDurationMs: number;
  readonly validUseCount: number;
}

const shape = anySpelling(
  object({
    url: required(httpUrl),
    ...httpFields,
    signatureKeyPath: withDefault(filePath, ''),
    validDuration: withDefault(durationOrZero, 0),
    validUseCount: withDefault(integer(1, 0x7fff_ffff), 1),
  }),
);

export const webhookParams: Decoder<WebhookConfig> = (value, walk) => {
  const written = shape(value, walk);
  if (written === undefined) return undefined;
  const { signatureKeyPath, validUseCount } = written;
  return {
    backend: httpBackend(written),
    signatureKeyPath,
    validDurationMs: written.validDuration,
    validUseCount,
  };
};

const checks = ['authorization', 'apikey', 'listentry', 'checknothing'];
const reports = ['logentry', 'metric', 'tracespan', 'edge', 'reportnothing'];

export const webhookForm: AdapterForm<WebhookConfig> = {
  name: 'webhook',
  description: 'checks and reports as signed JSON over HTTP, to a program of your own',
  templates: [...checks, ...reports],
  parse: (params) => decodeWith(webhookParams, params ?? {}),
};

export const createWebhook = (open: OpenHttp): Adapter<WebhookConfig> => ({
  ...webhookForm,
  build(config, { name }) {
    const { backend, signatureKeyPath } = config;
    const client = open({ ...backend, signatureKeyPath });
    return {
      async check(instance, signal) {
        const body = { kind: 'check', handler: name, instance: told(instance) };
        return verdictOf(await client.post('', body, signal), config);
      },
      async report(instances, signal) {
        const body = { kind: 'report', handler: name, instances: instances.map(told) };
        expectTaken(await client.post('', body, signal));
      },
      timeoutMs: callTimeoutMs(backend),
      close: () => client.close(),
    };
  },
});

const told = ({ name, template, fields }: Instance) => ({ name, template, fields: jsonOf(fields) });

function verdictOf(answer: HttpAnswer, { validDurationMs, validUseCount }: WebhookConfig): CheckVerdict {
  return { status: statusOf(answer), validDurationMs, validUseCount };
}

const denials: Readonly<Record<number, number>> = { 401: 16, 403: 7 };

/** 401 and 403 refuse; 200 says `{"allow": true}` or `{"allow": false, "message": "…"}`. */
function statusOf(answer: HttpAnswer): Status {
  const denial = denials[answer.status];
  if (denial !== undefined) return { code: denial, message: 'refused by the webhook' };
  expectTaken(answer);
  const said = jsonBody(answer);
  const allow = isMap(said) ? said['allow'] : undefined;
  if (typeof allow !== 'boolean') throw new Error('the webhook answers without "allow"');
  if (allow) return OK;
  const message = isMap(said) ? said['message'] : undefined;
  return {
    code: 7,
    message: typeof message === 'string' ? message.slice(0, 1_000) : 'refused by the webhook',
  };
}
