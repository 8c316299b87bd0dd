// The modules that one proxy uses, as files that it can reach: links to the store's, gone with the proxy.
import { constants, copyFile, link, rm } from 'node:fs/promises';
import * as path from 'node:path';
import { errorCodeOf } from '../problem.ts';
import type { FoundModule } from './module-request.ts';

export interface ModuleLinks {
  /** The proxy's own path of the module that a filter uses from now on. */
  use(filter: string, module: FoundModule): Promise<string>;
}

export function createModuleLinks(directory: string): ModuleLinks {
  const digests = new Map<string, string>();
  const fileOf = (digest: string): string => path.join(directory, `${digest}.wasm`);
  return {
    async use(filter, { digest, file }) {
      const before = digests.get(filter);
      digests.set(filter, digest);
      const isFree = before !== undefined && ![...digests.values()].includes(before);
      // Envoy has read it long ago.
      if (isFree) await rm(fileOf(before), { force: true });
      await place(file, fileOf(digest));
      return fileOf(digest);
    },
  };
}

/** A link costs nothing; other file systems get a copy. */
async function place(from: string, to: string): Promise<void> {
  try {
    await link(from, to);
  } catch (error) {
    const code = errorCodeOf(error);
    if (code === 'EEXIST') return;
    if (code !== 'EXDEV' && code !== 'EPERM') throw error;
    await copyFile(from, to, constants.COPYFILE_FICLONE);
  }
}
