// The secrets that handlers name, in memory only. Rule: a handler reaches those of its own namespace by a name that nobody can guess or write; one that changes is another name, so that what uses it is built anew.
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { type PolicyObject, replaceSecrets } from '@xebec/policy';

/** Content by `NAMESPACE/NAME/KEY`. */
export type SecretContents = ReadonlyMap<string, Buffer>;

/** Reads what handlers name: files, and secrets of the mesh. */
export interface SecretReader {
  read(path: string): Promise<Buffer>;
  readSync(path: string): Buffer;
}

export interface HeldSecrets extends SecretReader {
  replace(contents: SecretContents): void;
  /** The object with the names under which its secrets can be read here. */
  resolve(object: PolicyObject): PolicyObject;
}

export function createHeldSecrets(): HeldSecrets {
  const prefix = `/${randomBytes(16).toString('hex')}/`;
  let held: SecretContents = new Map();
  const find = (path: string): Buffer => {
    const key = path.slice(prefix.length, path.lastIndexOf('/'));
    const content = held.get(key);
    const [namespace, name, entry] = key.split('/');
    if (content === undefined)
      throw new Error(`the Secret ${name} in namespace ${namespace} is not there, or has no key ${entry}`);
    return content;
  };
  return {
    replace: (contents) => {
      held = contents;
    },
    resolve(object) {
      if (object.kind !== 'handler') return object;
      const spec = replaceSecrets(object.spec, ({ name, key }) => {
        const at = `${object.namespace}/${name}/${key}`;
        return `${prefix}${at}/${digestOf(held.get(at))}`;
      });
      return spec === object.spec ? object : ({ ...object, spec } as PolicyObject);
    },
    read: async (path) => (path.startsWith(prefix) ? find(path) : readFile(path)),
    readSync: (path) => (path.startsWith(prefix) ? find(path) : readFileSync(path)),
  };
}

const digestOf = (content: Buffer | undefined): string =>
  content === undefined ? 'none' : createHash('sha256').update(content).digest('hex').slice(0, 16);

/** Files only. */
export const fileReader: SecretReader = {
  read: (path) => readFile(path),
  readSync: (path) => readFileSync(path),
};
