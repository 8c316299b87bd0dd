// The parameters of opa: a server that is asked, or a compiled policy that is evaluated here.
import {
  andThen,
  boolean,
  type Decoder,
  durationOrZero,
  exactlyOne,
  integer,
  isMap,
  object,
  optional,
  positiveDuration,
  quote,
  refuse,
  text,
  type Walk,
  withDefault,
  wrongType,
} from '@xebec/config/decode';
import { type HttpBackend, httpBackend, httpFields, httpUrl } from '../http-backend.ts';
import { anySpelling } from '../spelling.ts';
import type { OpaProgramSource } from './program.ts';

export type OpaDecider =
  | { readonly kind: 'server'; readonly backend: HttpBackend }
  | {
      readonly kind: 'program';
      readonly source: OpaProgramSource;
      readonly data: Readonly<Record<string, unknown>>;
      readonly timeoutMs: number;
    };

export interface OpaConfig {
  readonly decider: OpaDecider;
  /** The decision: `shop/allow` of `data.shop.allow`. */
  readonly path: string;
  /** What a call gets when there is no decision: refused, let through, or (absent) what its rule says. */
  readonly onFailure?: 'refuse' | 'allow';
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

const howToCompile =
  'compile it with "opa build -t wasm -e shop/allow policy.rego" and write wasm.url or wasm.inline';

/** Of `\0asm`, a module, and of gzip, a bundle, in base64. */
const beginnings = ['AGFzb', 'H4s'];

const inline: Decoder<string> = andThen(text, (written, walk) => {
  const content = written.replaceAll(/\s/g, '');
  const isBase64 = /^[A-Za-z0-9+/]+={0,2}$/.test(content) && content.length % 4 === 0;
  if (isBase64 && beginnings.some((start) => content.startsWith(start))) return content;
  const message = isBase64 ? 'this is neither a Wasm module nor a bundle of OPA' : 'this is not base64';
  return refuse(walk, { code: 'invalid-program', message, remedy: howToCompile });
});

const longestUrl = 2_048;

const programUrl: Decoder<string> = andThen(text, (written, walk) => {
  const url = written.length <= longestUrl && URL.canParse(written) ? new URL(written) : undefined;
  const isFile = url?.protocol === 'file:' && url.hostname === '' && url.pathname.length > 1;
  const isWeb = (url?.protocol === 'http:' || url?.protocol === 'https:') && url.password === '';
  if (isFile || isWeb) return written;
  const message = `${quote(written)} is not where a policy can be`;
  return refuse(walk, { code: 'invalid-url', message, remedy: 'write an http:, https: or file: URL' });
});

const dataMap: Decoder<Readonly<Record<string, unknown>>> = (value, walk) =>
  isMap(value) ? value : refuse(walk, wrongType('a map', value));

const second = 1_000;
const longestEvaluation = 1_500;
const noData: Readonly<Record<string, unknown>> = {};

const wasm = andThen(
  anySpelling(
    object({
      url: optional(programUrl),
      inline: optional(inline),
      refreshInterval: withDefault(positiveDuration, 60 * second),
      data: withDefault(dataMap, noData),
      timeout: withDefault(positiveDuration, 250),
    }),
  ),
  (value, walk): OpaDecider | undefined => {
    const { url, inline: content, refreshInterval, data, timeout } = value;
    if (!exactlyOne(value, ['url', 'inline'], walk)) return undefined;
    if (timeout > longestEvaluation) {
      const message = `an evaluation may take ${longestEvaluation} ms at most`;
      return refuse(
        walk,
        { code: 'out-of-range', message, remedy: 'write 250ms, or leave it out' },
        'timeout',
      );
    }
    if (refreshInterval < second) {
      const message = 'a policy is fetched every second at most';
      return refuse(walk, { code: 'out-of-range', message, remedy: 'write 1s or longer' }, 'refreshInterval');
    }
    const source: OpaProgramSource =
      url === undefined
        ? { kind: 'inline', content: content ?? '' }
        : { kind: 'fetched', url, refreshIntervalMs: refreshInterval };
    return { kind: 'program', source, data, timeoutMs: timeout };
  },
);

const shape = anySpelling(
  object({
    url: optional(httpUrl),
    wasm: optional(wasm),
    ...httpFields,
    checkMethod: withDefault(decision, 'data.mixerauthz.allow'),
    failClose: optional(boolean),
    validDuration: withDefault(durationOrZero, 0),
    validUseCount: withDefault(integer(1, 0x7fff_ffff), 1),
  }),
);

export const opaParams: Decoder<OpaConfig> = (value, walk) => {
  if (isMap(value) && value['policy'] !== undefined) {
    const message = 'Rego is not compiled by the policy service, which evaluates compiled policies';
    return refuse(walk, { code: 'unsupported-value', message, remedy: howToCompile }, 'policy');
  }
  const written = shape(value, walk);
  if (written === undefined) return undefined;
  const decider = deciderOf(written, walk);
  if (decider === undefined) return undefined;
  const { checkMethod, failClose, validDuration, validUseCount } = written;
  return {
    decider,
    path: checkMethod.split('.').slice(1).join('/'),
    ...(failClose === undefined ? {} : { onFailure: failClose ? 'refuse' : 'allow' }),
    validDurationMs: validDuration,
    validUseCount,
  };
};

interface Deciding extends Omit<Parameters<typeof httpBackend>[0], 'url'> {
  readonly url?: string;
  readonly wasm?: OpaDecider;
}

function deciderOf(written: Deciding, walk: Walk): OpaDecider | undefined {
  const { url, wasm: program } = written;
  if (!exactlyOne({ url, wasm: program }, ['url', 'wasm'], walk)) return undefined;
  return program ?? { kind: 'server', backend: httpBackend({ ...written, url: url ?? '' }) };
}
