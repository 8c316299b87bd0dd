// Secrets of the mesh as handlers read them: those of their namespace only, by names that nobody can write.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { encodeItem, encodeSecret, type PolicyObject, secretKey, secretsIn } from '@xebec/policy';
import { afterAll, expect, test } from 'vitest';
import { createConfigurationReader } from './configuration.ts';
import { createHeldSecrets } from './held-secrets.ts';
import { loadConfiguration, saveConfiguration } from './saved-configuration.ts';

const directory = mkdtempSync(join(tmpdir(), 'xb-secrets-'));
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const handler = (params: object, namespace = 'default'): PolicyObject =>
  ({ kind: 'handler', namespace, name: 'h', spec: { params } }) as unknown as PolicyObject;
const pathIn = (object: PolicyObject): string => Object(object.spec).params.token_path;

test('a handler reads the secrets of its own namespace, and what is not there says so', async () => {
  const secrets = createHeldSecrets();
  secrets.replace(new Map([['default/api/token', Buffer.from('s3cret')]]));
  const params = { token_path: 'secret:api/token', overrides: ['secret:api/token'], url: 'secret:api/token' };
  const own = secrets.resolve(handler(params));
  expect(Object(own.spec).params).toMatchObject({ overrides: ['secret:api/token'], url: 'secret:api/token' });
  expect((await secrets.read(pathIn(own))).toString()).toBe('s3cret');
  const others = secrets.resolve(handler(params, 'other'));
  await expect(secrets.read(pathIn(others))).rejects.toThrow(
    'the Secret api in namespace other is not there, or has no key token',
  );
  const plain = handler({ token_path: '/etc/token' });
  expect(secrets.resolve(plain)).toBe(plain);
  expect(secretsIn(own.spec)).toEqual([]);
  expect(secretsIn(handler(params).spec)).toEqual([{ name: 'api', key: 'token' }]);
});

test('another content is another name, so that what uses it is built anew; files are files', async () => {
  const secrets = createHeldSecrets();
  const object = handler({ token_path: 'secret:api/token' });
  const path = (content: string): string => {
    secrets.replace(new Map([['default/api/token', Buffer.from(content)]]));
    return pathIn(secrets.resolve(object));
  };
  expect(path('a')).toBe(path('a'));
  expect(path('a')).not.toBe(path('b'));
  expect(path('a')).not.toBe(pathIn(createHeldSecrets().resolve(object)));
  writeFileSync(join(directory, 'token'), 'from a file');
  expect((await secrets.read(join(directory, 'token'))).toString()).toBe('from a file');
});

test('secrets are taken over with the configuration, and never saved with it', () => {
  const key = secretKey('default', 'api', 'token');
  const text = encodeSecret(key, new Uint8Array([0, 255, 115]));
  const item = encodeItem('handler/default/h', {
    kind: 'handler',
    namespace: 'default',
    name: 'h',
    spec: {},
  });
  const read = createConfigurationReader();
  const update = {
    revision: 1,
    isInitial: true,
    isComplete: true,
    rootNamespace: 'istio-system',
    removed: [],
  };
  const configuration = read({ ...update, set: [item, text] });
  if (configuration === undefined) throw new Error('it was complete');
  expect([...configuration.secrets]).toEqual([['default/api/token', Buffer.from([0, 255, 115])]]);
  const file = join(directory, 'configuration.json');
  saveConfiguration(file, configuration);
  expect(readFileSync(file, 'utf8')).not.toContain('secret/');
  const loaded = loadConfiguration(file);
  expect([loaded?.objects.size, loaded?.secrets.size]).toEqual([1, 0]);
  expect(read({ ...update, isInitial: false, set: [], removed: [key] })?.secrets.size).toBe(0);
});
