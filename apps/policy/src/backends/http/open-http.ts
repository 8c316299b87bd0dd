// Posts JSON to backends. Rule: an answer is whole, small and in time, or a failure; nothing is followed elsewhere; secrets are read from files for each request and told to nobody.
import { createHmac } from 'node:crypto';
import http, { type IncomingMessage } from 'node:http';
import https from 'node:https';
import type { HttpAnswer, OpenHttp } from '@xebec/policy';
import { fileReader, type SecretReader } from '../../configuration/held-secrets.ts';
import { withDeadline } from '../deadline.ts';

const mostAnswerBytes = 1_048_576;
const mostConnections = 16;

type Backend = Parameters<OpenHttp>[0];

export const createOpenHttp =
  (reader: SecretReader): OpenHttp =>
  (backend) => {
    const agent = agentFor(backend, reader);
    return {
      async post(path, body, signal) {
        const written = JSON.stringify(body);
        const headers = await headersFor(backend, written, reader);
        const sending = { url: below(backend.url, path), agent, headers, body: written };
        return withDeadline(signal, backend.timeoutMs, (bounded) => send(sending, bounded));
      },
      close: () => agent.destroy(),
    };
  };

/** With files only. */
export const openHttp: OpenHttp = createOpenHttp(fileReader);

function agentFor({ url, caCertificatesPath }: Backend, reader: SecretReader): http.Agent {
  const options = { keepAlive: true, maxSockets: mostConnections };
  if (!url.startsWith('https:')) return new http.Agent(options);
  const trusted = caCertificatesPath === '' ? {} : { ca: reader.readSync(caCertificatesPath) };
  return new https.Agent({ ...options, ...trusted });
}

function below(base: string, path: string): URL {
  const url = new URL(base);
  if (path !== '') url.pathname = `${url.pathname.replace(/\/+$/, '')}${path}`;
  return url;
}

/** The signature covers the time, so that a request cannot be sent again later: `t=SECONDS,v1=HEX` over `SECONDS.BODY`. */
async function headersFor(
  backend: Backend,
  body: string,
  reader: SecretReader,
): Promise<Record<string, string>> {
  const { tokenPath, signatureKeyPath = '' } = backend;
  const headers: Record<string, string> = { ...backend.headers, 'content-type': 'application/json' };
  if (tokenPath !== '') headers['authorization'] = `Bearer ${await secretIn(tokenPath, reader)}`;
  if (signatureKeyPath !== '') {
    const seconds = Math.trunc(Date.now() / 1_000);
    const signature = createHmac('sha256', await secretIn(signatureKeyPath, reader)).update(
      `${seconds}.${body}`,
    );
    headers['x-xebec-signature'] = `t=${seconds},v1=${signature.digest('hex')}`;
  }
  return headers;
}

/** Where it is stays unsaid: the name of a secret of the mesh is a secret, too. */
async function secretIn(path: string, reader: SecretReader): Promise<string> {
  const secret = (await reader.read(path)).toString('utf8').trim();
  if (secret === '') throw new Error('a token or key is empty');
  return secret;
}

interface Sending {
  readonly url: URL;
  readonly agent: http.Agent;
  readonly headers: Record<string, string>;
  readonly body: string;
}

function send({ url, agent, headers, body }: Sending, signal: AbortSignal): Promise<HttpAnswer> {
  const { promise, resolve, reject } = settled<HttpAnswer>();
  const request = (url.protocol === 'https:' ? https : http).request(
    url,
    { method: 'POST', agent, signal, headers: { ...headers, 'content-length': Buffer.byteLength(body) } },
    (response) => {
      take(response).then((text) => resolve({ status: response.statusCode ?? 0, body: text }), reject);
    },
  );
  request.on('error', reject);
  request.end(body);
  return promise;
}

async function take(response: IncomingMessage): Promise<string> {
  const parts: Buffer[] = [];
  let length = 0;
  for await (const part of response) {
    const bytes = Buffer.from(part);
    length += bytes.length;
    if (length > mostAnswerBytes) throw new Error(`the answer is longer than ${mostAnswerBytes} bytes`);
    parts.push(bytes);
  }
  return Buffer.concat(parts).toString('utf8');
}

function settled<T>() {
  let resolve: (value: T) => void = () => undefined;
  let reject: (reason: unknown) => void = () => undefined;
  const promise = new Promise<T>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
