// Locality settings: whole localities and regions, weights that sum to 100, one way of choosing at a time.
import { andThen, boolean, type Decoder, integer, list, mapOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, object, required, withDefault } from '../../decode/object.ts';
import { type Complaint, refuse, type Walk } from '../../decode/walk.ts';
import { checkLabelValue, checkQualifiedName } from '../../values/names.ts';
import type { LocalitySetting } from './spec.ts';

const segment = /^[A-Za-z0-9]([\w.-]{0,61}[A-Za-z0-9])?$/;

/** `*`, `region`, `region/zone/subzone`, `region/*`: a star only at the end. */
function checkLocality(value: string): Complaint | undefined {
  const parts = value.split('/');
  const last = parts.length - 1;
  const isGood = (part: string, at: number) => (part === '*' && at === last) || segment.test(part);
  if (parts.length <= 3 && parts.every(isGood)) return undefined;
  return {
    code: 'invalid-locality',
    message: `${quote(value)} is not a locality`,
    remedy: 'write region, region/zone, region/zone/subzone or a star at the end: region/*',
  };
}

const locality: Decoder<string> = andThen(text, (value, walk) => {
  const complaint = checkLocality(value);
  return complaint === undefined ? value : refuse(walk, complaint);
});

const region: Decoder<string> = andThen(text, (value, walk) =>
  segment.test(value)
    ? value
    : refuse(walk, {
        code: 'invalid-locality',
        message: `${quote(value)} is not a region`,
        remedy: 'write the region alone, without zone or star',
      }),
);

type Distribution = LocalitySetting['distribute'][number];
type Failover = LocalitySetting['failover'][number];

const distribution: Decoder<Distribution> = andThen(
  object({ from: required(locality), to: required(mapOf(integer(0, 100), checkLocality, 1_000)) }),
  ({ from, to }, walk) => checkWeights({ from, to }, walk),
);

function checkWeights({ from, to }: Distribution, walk: Walk): Distribution | undefined {
  const sum = Object.values(to).reduce((total, weight) => total + weight, 0);
  const names = Object.keys(to);
  const nested = names.find((name) => names.some((other) => other !== name && covers(name, other)));
  if (nested !== undefined) {
    const message = `${quote(nested)} covers another locality of the list`;
    return refuse(walk, { code: 'overlap', message, remedy: 'name each locality once' }, 'to');
  }
  if (sum === 100) return { from, to };
  const message = `the weights sum to ${sum}`;
  return refuse(walk, { code: 'weights', message, remedy: 'make them sum to 100' }, 'to');
}

/** Whether everything in `inner` is in `outer`. */
function covers(outer: string, inner: string): boolean {
  const prefix = outer.replace(/\/?\*$/, '');
  return prefix === '' || inner === prefix || inner.startsWith(`${prefix}/`);
}

const failover: Decoder<Failover> = andThen(
  object({ from: required(region), to: required(region) }),
  (value, walk) => {
    if (value.from !== value.to) return value;
    const message = `a region does not fail over to itself`;
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'name another region' }, 'to');
  },
);

const priority: Decoder<string> = andThen(text, (written, walk) => {
  const at = written.indexOf('=');
  const key = at < 0 ? written : written.slice(0, at);
  const complaint = checkQualifiedName(key) ?? (at < 0 ? undefined : checkLabelValue(written.slice(at + 1)));
  return complaint === undefined ? written : refuse(walk, complaint);
});

const distinct =
  <T>(keyOf: (value: T) => string) =>
  (values: readonly T[], walk: Walk): readonly T[] | undefined => {
    const seen = new Set<string>();
    for (const [index, value] of values.entries()) {
      const key = keyOf(value);
      if (seen.has(key)) {
        const message = `${quote(key)} stands here twice`;
        return refuse(walk, { code: 'duplicate', message, remedy: 'keep one' }, index);
      }
      seen.add(key);
    }
    return values;
  };

const shape = {
  enabled: withDefault(boolean, true),
  distribute: withDefault<readonly Distribution[]>(
    andThen(
      list(distribution, { most: 1_000 }),
      distinct<Distribution>(({ from }) => from),
    ),
    [],
  ),
  failover: withDefault<readonly Failover[]>(
    andThen(
      list(failover, { most: 1_000 }),
      distinct<Failover>(({ from }) => from),
    ),
    [],
  ),
  failoverPriority: withDefault<readonly string[]>(
    andThen(
      list(priority, { most: 32 }),
      distinct<string>((label) => label),
    ),
    [],
  ),
};

const ways = ['distribute', 'failover', 'failoverPriority'] as const;

function build(value: Decoded<typeof shape>, walk: Walk): LocalitySetting | undefined {
  const used = ways.filter((way) => value[way].length > 0);
  const { enabled: isEnabled, ...lists } = value;
  const [first = '', extra] = used;
  if (extra === undefined) return { isEnabled, ...lists };
  const message = `${first} and ${extra} exclude each other`;
  return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, extra);
}

/** `localityLbSetting`, of a DestinationRule or of the mesh. */
export const localitySetting: Decoder<LocalitySetting> = andThen(object(shape), build);
