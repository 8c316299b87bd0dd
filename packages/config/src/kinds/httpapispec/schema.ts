// HTTPAPISpec: the operations of an HTTP API by method and path, with the attributes their requests get, and where API keys are.
import { andThen, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse } from '../../decode/walk.ts';
import { emptyMap } from '../../values/plain-map.ts';
import { regex } from '../../values/regex.ts';
import { definePolicyKind } from '../define-policy.ts';
import { literals } from './literals.ts';
import type { AttributeLiterals, HttpApiPattern, HttpApiSpecSpec } from './spec.ts';

const method: Decoder<string> = andThen(text, (written, walk) =>
  /^[A-Za-z]{1,32}$/.test(written)
    ? written.toUpperCase()
    : refuse(walk, {
        code: 'invalid-method',
        message: `${quote(written)} is not a method of HTTP`,
        remedy: 'write GET, POST, PUT, PATCH, DELETE or another one',
      }),
);

const part = /^([\w~!$&'()*+,;=:@%.-]|\{[A-Za-z_]\w*\})*$/;

const uriTemplate: Decoder<string> = andThen(text, (written, walk) =>
  written.startsWith('/') && written.length <= 2_048 && written.split('/').every((each) => part.test(each))
    ? written
    : refuse(walk, {
        code: 'invalid-path',
        message: `${quote(written)} is not a template of a path`,
        remedy: 'write /WORD/{NAME}: a variable stands for one part of the path',
      }),
);

const noAttributes: AttributeLiterals = emptyMap;
const attributes = withDefault<AttributeLiterals>(literals, noAttributes);

const pattern: Decoder<HttpApiPattern> = andThen(
  object({
    attributes,
    httpMethod: required(method),
    uriTemplate: optional(uriTemplate),
    regex: optional(regex),
  }),
  (value, walk) => (exactlyOne(value, ['uriTemplate', 'regex'], walk) ? value : undefined),
);

const keyName: Decoder<string> = andThen(text, (written, walk) =>
  /^[\w!#$%&'*+.^`|~-]{1,256}$/.test(written)
    ? written
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(written)} is not a name of a header, parameter or cookie`,
        remedy: 'use letters, digits and dashes, such as x-api-key',
      }),
);

const places = ['query', 'header', 'cookie'] as const;

const apiKey: Decoder<HttpApiSpecSpec['apiKeys'][number]> = andThen(
  object({ query: optional(keyName), header: optional(keyName), cookie: optional(keyName) }),
  (value, walk) => {
    if (!exactlyOne(value, places, walk)) return undefined;
    const place = places.find((name) => value[name] !== undefined) ?? 'header';
    return { in: place, name: value[place] ?? '' };
  },
);

const spec: Decoder<HttpApiSpecSpec> = object({
  attributes,
  patterns: withDefault<readonly HttpApiPattern[]>(list(pattern, { most: 10_000 }), []),
  apiKeys: withDefault<HttpApiSpecSpec['apiKeys']>(list(apiKey, { most: 16 }), []),
});

export const httpApiSpecKind = definePolicyKind('HTTPAPISpec', 'httpapispecs', spec);
