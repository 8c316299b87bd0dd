// Where a Wasm module is: a file of the proxy's machine, a web server, or an image of a registry. The rule: nothing secret is in it, and the host is always said.
import { andThen, type Decoder, quote, text } from '../../decode/decoder.ts';
import { refuse, type Walk } from '../../decode/walk.ts';

export interface ImageReference {
  /** `HOST[:PORT]`. */
  readonly registry: string;
  readonly repository: string;
  readonly tag: string | undefined;
  /** 64 hexadecimal digits. */
  readonly digest: string | undefined;
}

const component = '[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*';
const reference = new RegExp(
  `^([A-Za-z0-9.-]+(?::\\d{1,5})?|\\[[0-9a-fA-F:]+\\](?::\\d{1,5})?)/(${component}(?:/${component})*)(?::([\\w][\\w.-]{0,127}))?(?:@sha256:([0-9a-f]{64}))?$`,
);

/** `HOST[:PORT]/REPOSITORY[:TAG][@sha256:DIGEST]`; undefined when it is not one, or names no host. */
export function readImageReference(written: string): ImageReference | undefined {
  if (written.length > 1_000) return undefined;
  const [, registry, repository, tag, digest] = reference.exec(written) ?? [];
  if (registry === undefined || repository === undefined) return undefined;
  const isHost = /[.:]/.test(registry) || registry === 'localhost';
  return isHost ? { registry, repository, tag, digest } : undefined;
}

const invalid = (walk: Walk, message: string, remedy: string): undefined =>
  refuse(walk, { code: 'invalid-url', message, remedy });

/** The URL with its scheme; without one it is an image. */
export const moduleUrl: Decoder<string> = andThen(text, (written, walk) => {
  const [, scheme = 'oci', rest = written] = /^([a-z][a-z0-9+.-]*):\/\/(.*)$/s.exec(written) ?? [];
  if (written.length > 2_000 || /[\s\p{Cc}]/u.test(written)) {
    return invalid(walk, `${quote(written)} is no URL`, 'write at most 2000 characters without spaces');
  }
  switch (scheme) {
    case 'file':
      return fileUrl(rest, walk);
    case 'http':
    case 'https':
      return webUrl(`${scheme}://${rest}`, walk);
    case 'oci':
      if (readImageReference(rest) !== undefined) return `oci://${rest}`;
      return invalid(
        walk,
        `${quote(written)} is not an image of a registry`,
        'write oci://HOST/REPOSITORY:TAG, with the registry’s host',
      );
    default:
      return invalid(walk, `${quote(scheme)} is not a way to get a module`, 'write file, http, https or oci');
  }
});

function fileUrl(path: string, walk: Walk): string | undefined {
  const isGood = path.startsWith('/') && path.length > 1 && !path.split('/').includes('..');
  return isGood
    ? `file://${path}`
    : invalid(walk, `${quote(path)} is not the path of a file`, 'write file:///PATH, from the root');
}

function webUrl(written: string, walk: Walk): string | undefined {
  if (!URL.canParse(written)) return invalid(walk, `${quote(written)} is no URL`, 'write https://HOST/PATH');
  const { username, password, hash } = new URL(written);
  if (username !== '' || password !== '') {
    return invalid(walk, 'a URL is no place for a password: everybody can read it', 'remove it');
  }
  return hash === '' ? written : invalid(walk, 'the part after # is never sent', 'remove it');
}
