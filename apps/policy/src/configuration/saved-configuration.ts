// The last configuration on disk: a policy service that starts while the control plane is away decides as before. Secrets are not among it: what needs them fails until they are told again.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { decodeItem, isSecretKey } from '@xebec/policy';
import { type Configuration, noConfiguration, readTexts } from './configuration.ts';

const format = 1;

/** Replaces what was there as one. */
export function saveConfiguration(file: string, { revision, rootNamespace, texts }: Configuration): void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  const items = [...texts].flatMap(([key, text]) => (isSecretKey(key) ? [] : [text]));
  const content = JSON.stringify({ format, revision, rootNamespace, items });
  writeFileSync(draft, content, { mode: 0o600 });
  renameSync(draft, file);
}

/** Undefined: there is none, or it cannot be read. */
export function loadConfiguration(file: string): Configuration | undefined {
  try {
    const { revision, rootNamespace, items, ...rest } = Object(JSON.parse(readFileSync(file, 'utf8')));
    if (rest.format !== format || typeof revision !== 'number' || typeof rootNamespace !== 'string')
      return undefined;
    const texts = new Map<string, string>();
    for (const text of Array.isArray(items) ? items : []) {
      const key = typeof text === 'string' ? decodeItem(text)?.key : undefined;
      if (key !== undefined) texts.set(key, text);
    }
    return { ...readTexts(texts, noConfiguration), revision, rootNamespace };
  } catch {
    return undefined;
  }
}
