// Backends over HTTP: how handlers name them, and what handlers ask of who does the I/O. Rule: secrets are files that only the I/O reads; they are in no configuration and no message.
import {
  andThen,
  type Decoder,
  mapOf,
  positiveDuration,
  quote,
  refuse,
  text,
  withDefault,
} from '@xebec/config/decode';
import { secretReference } from '../configuration/secret-references.ts';

/** Absent files are empty texts. */
export interface HttpBackend {
  /** `http:` or `https:`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** A file with a token, sent as `authorization: Bearer …`; read again when it changes. */
  readonly tokenPath: string;
  /** A file with certificates (PEM) to believe instead of those of the system. */
  readonly caCertificatesPath: string;
  /** Milliseconds for one request. */
  readonly timeoutMs: number;
}

export interface HttpAnswer {
  readonly status: number;
  readonly body: string;
}

export interface HttpClient {
  /** Posts JSON. `path` is put behind the path of the URL. Rejects when there is no whole answer in time. */
  post(path: string, body: unknown, signal: AbortSignal): Promise<HttpAnswer>;
  close(): void;
}

/** `signatureKeyPath`: a file with the key that bodies are signed with. */
export type OpenHttp = (backend: HttpBackend & { readonly signatureKeyPath?: string }) => HttpClient;

const longestUrl = 2_048;

export const httpUrl: Decoder<string> = andThen(text, (written, walk) => {
  const isUrl = written.length <= longestUrl && URL.canParse(written);
  const url = isUrl ? new URL(written) : undefined;
  if (url?.protocol !== 'http:' && url?.protocol !== 'https:') {
    const message = `${quote(written)} is not the URL of a backend`;
    return refuse(walk, { code: 'invalid-url', message, remedy: 'write http://HOST:PORT or https://HOST' });
  }
  if (url.username !== '' || url.password !== '') {
    const message = 'the URL has a password in it, which everyone sees who reads the handler';
    return refuse(walk, {
      code: 'invalid-url',
      message,
      remedy: 'put it into a file and name it in tokenPath',
    });
  }
  return written;
});

/** The whole path of a file of the policy service, or a key of a Secret. */
export const filePath: Decoder<string> = andThen(text, (written, walk) =>
  secretReference(written) !== undefined ||
  (written.startsWith('/') && !written.includes('\0') && !written.split('/').includes('..'))
    ? written
    : refuse(walk, {
        code: 'invalid-path',
        message: `${quote(written)} is neither the whole path of a file nor a key of a Secret`,
        remedy: 'write a path from the root on, without "..", or secret:NAME/KEY',
      }),
);

const headerValue: Decoder<string> = andThen(text, (written, walk) =>
  /^[\t\x20-\x7e]*$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-header',
        message: `${quote(written)} cannot be in a header`,
        remedy: 'use letters, digits and signs of ASCII',
      }),
);

const headers = mapOf(headerValue, (name) =>
  /^[\w!#$%&'*+.^`|~-]+$/.test(name) && !/^(host|content-length|transfer-encoding|connection)$/i.test(name)
    ? undefined
    : {
        code: 'invalid-header',
        message: `${quote(name)} is not the name of a header that may be set`,
        remedy: 'use letters, digits and dashes, such as x-tenant',
      },
);

/** The fields of every backend over HTTP, beside `url`. */
export const httpFields = {
  headers: withDefault<Readonly<Record<string, string>>>(headers, {}),
  tokenPath: withDefault(filePath, ''),
  caCertificatesPath: withDefault(filePath, ''),
  timeout: withDefault(positiveDuration, 2_000),
};

interface HttpFields extends Omit<HttpBackend, 'timeoutMs'> {
  readonly timeout: number;
}

export const httpBackend = ({
  url,
  headers,
  tokenPath,
  caCertificatesPath,
  timeout,
}: HttpFields): HttpBackend => ({
  ...{ url, headers, tokenPath, caCertificatesPath },
  timeoutMs: timeout,
});

/** For the engine: a backend's own time limit comes first, and says what it was about. */
export const callTimeoutMs = ({ timeoutMs }: Pick<HttpBackend, 'timeoutMs'>): number => timeoutMs + 100;

/** Throws unless the backend took it. */
export function expectTaken({ status }: HttpAnswer): void {
  if (status < 200 || status > 299) throw new Error(`the backend answers with ${status}`);
}

/** Throws what names the sender when it is no JSON. */
export function jsonBody({ body }: HttpAnswer): unknown {
  try {
    const parsed: unknown = JSON.parse(body);
    return parsed;
  } catch {
    throw new Error('the backend answers with what is not JSON');
  }
}
