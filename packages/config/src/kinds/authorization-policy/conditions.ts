// `when`: attributes of a request or connection, and the values they may have.
import { andThen, type Decoder, list, quote, text } from '../../decode/decoder.ts';
import { object, optional, required } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { headerName } from '../../values/http.ts';
import type { AuthorizationCondition, ConditionKey, TextPattern } from './spec.ts';
import { blocks, patterns, ports, principals, requestPrincipals, serviceAccounts } from './values.ts';

const plainKeys = [
  'source.ip',
  'remote.ip',
  'source.namespace',
  'source.principal',
  'source.serviceAccount',
  'destination.ip',
  'destination.port',
  'connection.sni',
  'request.auth.principal',
  'request.auth.audiences',
  'request.auth.presenter',
] as const;

const conditionKey: Decoder<ConditionKey> = andThen(text, (written, walk) => {
  const plain = plainKeys.find((key) => key === written);
  if (plain !== undefined) return { kind: plain };
  const [, header] = /^request\.headers\[([^\]]+)\]$/.exec(written) ?? [];
  if (header !== undefined) {
    const name = headerName(header, walk);
    return name === undefined ? undefined : { kind: 'header', name: name.toLowerCase() };
  }
  const claim = /^request\.auth\.claims((?:\[[^\][]{1,256}\]){1,16})$/.exec(written)?.[1];
  if (claim !== undefined) return { kind: 'claim', path: claim.slice(1, -1).split('][') };
  const known = ['request.headers[NAME]', 'request.auth.claims[NAME]', ...plainKeys].join(', ');
  const isLater = written.startsWith('experimental.');
  return refuse(walk, {
    code: isLater ? 'not-yet-supported' : 'unknown-value',
    message: isLater
      ? `${quote(written)} is not yet supported`
      : `${quote(written)} is not an attribute that policies know`,
    remedy: `attributes known: ${known}`,
  });
});

const texts = list(text, { least: 1, most: 1_000 });
const exact = (value: string | number): TextPattern => ({ kind: 'exact', value: String(value) });

/** Values are checked as what the key stands for. */
function decodeValues(key: ConditionKey, values: unknown, walk: Walk): readonly TextPattern[] | undefined {
  switch (key.kind) {
    case 'source.ip':
    case 'remote.ip':
    case 'destination.ip':
      return blocks(values, walk)?.map(exact);
    case 'destination.port':
      return ports(values, walk)?.map(exact);
    case 'source.serviceAccount':
      return serviceAccounts(values, walk)?.map(exact);
    case 'source.principal':
      return principals(values, walk);
    case 'request.auth.principal':
      return requestPrincipals(values, walk);
    case 'header':
    case 'claim':
    case 'request.auth.audiences':
    case 'request.auth.presenter':
    case 'source.namespace':
    case 'connection.sni':
      return patterns(values, walk);
  }
}

export const condition: Decoder<AuthorizationCondition> = andThen(
  object({ key: required(conditionKey), values: optional(texts), notValues: optional(texts) }),
  ({ key, values, notValues }, walk) => {
    if (values === undefined && notValues === undefined)
      return refuse(walk, {
        code: 'missing-field',
        message: 'needs values or notValues',
        remedy: 'add one of them',
      });
    const decoded = under(
      'values',
      () => (values === undefined ? [] : decodeValues(key, values, walk)),
      walk,
    );
    const not = under(
      'notValues',
      () => (notValues === undefined ? [] : decodeValues(key, notValues, walk)),
      walk,
    );
    return decoded === undefined || not === undefined ? undefined : { key, values: decoded, notValues: not };
  },
);

function under<T>(name: string, decode: () => T, walk: Walk): T {
  walk.path.push(name);
  const decoded = decode();
  walk.path.pop();
  return decoded;
}
