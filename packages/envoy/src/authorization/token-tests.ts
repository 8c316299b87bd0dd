// Tests about the end user, from what the token filter has verified. Without a verified token no such test matches.
import type { TextPattern } from '@xebec/model';
import type { PrincipalSchema } from '@xebec/protos/envoy/config/rbac/v3/rbac_pb';
import { anyClaim, type MetadataMatcher, textClaim } from '../authentication/token-metadata.ts';
import type { Fields } from '../resource.ts';
import { textMatcher } from './patterns.ts';

type Principal = Fields<typeof PrincipalSchema>;

const principal = (value: MetadataMatcher): Principal => ({ identifier: { case: 'metadata', value } });

/** A claim that is a text, or a list of texts of which one matches. */
export const claimPrincipal = (path: readonly string[], value: TextPattern): Principal =>
  principal(anyClaim(path, textMatcher(value)));

const anyText: TextPattern = { kind: 'present' };

/** What issuer and subject must be for `ISSUER/SUBJECT` to match: both may hold slashes, so each one may be the one between. */
function splits(pattern: TextPattern): readonly (readonly [issuer: TextPattern, subject: TextPattern])[] {
  if (pattern.kind === 'present') return [[anyText, anyText]];
  const { kind, value } = pattern;
  const between = [...value].flatMap((letter, at) =>
    letter === '/' ? [[value.slice(0, at), value.slice(at + 1)] as const] : [],
  );
  const exact = (text: string): TextPattern => ({ kind: 'exact', value: text });
  const open = (text: string): TextPattern => (text === '' ? anyText : { kind, value: text });
  switch (kind) {
    case 'exact':
    case 'template':
      return between
        .filter(([issuer, subject]) => issuer !== '' && subject !== '')
        .map(([issuer, subject]) => [exact(issuer), exact(subject)]);
    case 'prefix':
      return [
        [open(value), anyText],
        ...between
          .filter(([issuer]) => issuer !== '')
          .map(([issuer, rest]): readonly [TextPattern, TextPattern] => [exact(issuer), open(rest)]),
      ];
    case 'suffix':
      return [
        [anyText, open(value)],
        ...between
          .filter(([, subject]) => subject !== '')
          .map(([rest, subject]): readonly [TextPattern, TextPattern] => [open(rest), exact(subject)]),
      ];
  }
}

/** The issuer and the subject of a verified token that has both, with a slash between. */
export function requestPrincipal(value: TextPattern): Principal {
  const ids = splits(value).map(
    ([issuer, subject]): Principal => ({
      identifier: {
        case: 'andIds',
        value: {
          ids: [
            principal(textClaim(['iss'], textMatcher(issuer))),
            principal(textClaim(['sub'], textMatcher(subject))),
          ],
        },
      },
    }),
  );
  return { identifier: { case: 'orIds', value: { ids } } };
}
