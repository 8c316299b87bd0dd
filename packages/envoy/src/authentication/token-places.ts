// Rules that look for tokens in the same places belong together. A good token in one place must not excuse a bad one in another.
import type { TokenRule } from '@xebec/model';

/** In words that tell places apart; where a rule names none, those that Envoy looks at by itself. */
function placesOf({ fromHeaders, fromParams, fromCookies }: TokenRule): readonly string[] {
  const named = [
    ...fromHeaders.map(({ name }) => `header ${name}`),
    ...fromParams.map((name) => `parameter ${name}`),
    ...fromCookies.map((name) => `cookie ${name}`),
  ];
  return named.length > 0 ? named : ['header authorization', 'parameter access_token'];
}

interface Group {
  readonly places: ReadonlySet<string>;
  readonly rules: readonly TokenRule[];
}

/** Groups that share no place, in the order of their first rules. */
export function groupByPlace(all: readonly TokenRule[]): readonly (readonly TokenRule[])[] {
  let groups: readonly Group[] = [];
  for (const rule of all) {
    const places = placesOf(rule);
    const isNear = (group: Group): boolean => places.some((place) => group.places.has(place));
    const near = groups.filter(isNear);
    const joined: Group = {
      places: new Set([...near.flatMap((group) => [...group.places]), ...places]),
      rules: [...near.flatMap(({ rules }) => rules), rule],
    };
    const [first] = near;
    groups =
      first === undefined
        ? [...groups, joined]
        : groups.flatMap((group) => (group === first ? [joined] : isNear(group) ? [] : [group]));
  }
  return groups.map(({ rules }) => rules);
}
