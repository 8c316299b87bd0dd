// Tests of header fields. A client may send one several times: none of its values may hide another that decides.
import type { TextPattern } from '@xebec/model';
import type { PermissionSchema } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import type { HeaderMatcherSchema } from '@xebec/protos/envoy/config/route/v3/route_components_pb';
import type { StringMatcherSchema } from '@xebec/protos/envoy/type/matcher/v3/string_pb';
import type { Fields } from '../resource.ts';
import { listedMatcher, textMatcher } from './patterns.ts';

type Permission = Fields<typeof PermissionSchema>;

const field = (matcher: Fields<typeof HeaderMatcherSchema>): Permission => ({
  rule: { case: 'header', value: matcher },
});

const matching = (name: string, value: Fields<typeof StringMatcherSchema>): Permission =>
  field({ name, headerMatchSpecifier: { case: 'stringMatch', value } });

const present = (name: string): Permission =>
  field({ name, headerMatchSpecifier: { case: 'presentMatch', value: true } });

const isPresence = ({ kind }: TextPattern): boolean => kind === 'present';

const either = (rules: readonly Permission[]): Permission => ({
  rule: { case: 'orRules', value: { rules: [...rules] } },
});

/** Of a field that there is only once. */
export const fieldTest = (name: string, value: TextPattern): Permission =>
  isPresence(value) ? present(name) : matching(name, textMatcher(value));

/** Where a match refuses: one of the values is enough, even one in a list with commas. */
export const refusingHeader = (name: string, values: readonly TextPattern[]): Permission =>
  either(
    values.map((value) =>
      isPresence(value) || isPseudo(name) ? fieldTest(name, value) : matching(name, listedMatcher(value)),
    ),
  );

/** `:method`, `:path`: a request has each once. */
const isPseudo = (name: string): boolean => name.startsWith(':');

/**
 * Where a match lets pass. Proxies started by Xebec compare several values as one text with commas, so that one more
 * beside the right one is wrong; others are content with one that is right.
 */
export const permittingHeader = (name: string, values: readonly TextPattern[]): Permission =>
  either(values.map((value) => fieldTest(name, value)));
