// What an application finds in its environment: its Pod's facts and its place, and little of this machine.
import type { Container } from '@xebec/config';
import { expect, test } from 'vitest';
import { applicationEnvironment, expand, type PodFacts } from './environment.ts';

const pod: PodFacts = {
  name: 'a-1',
  namespace: 'default',
  uid: 'u',
  address: '127.16.0.1',
  nodeName: 'local',
  serviceAccount: 'sa',
  labels: { app: 'a' },
  annotations: {},
};
const container: Container = { name: 'a', image: 'i', command: [], args: [], env: [], ports: [] };
const environment = (changes: Partial<Container>) =>
  applicationEnvironment({
    pod,
    container: { ...container, ...changes },
    bindAddress: '127.24.0.1',
    place: { http_proxy: 'http://127.16.0.1:15001' },
    inherited: { PATH: '/bin', SECRET: 's', HOME: undefined },
  });

test('facts of the Pod and its place, without what else is here', () => {
  expect(environment({ ports: [{ name: '', port: 9080, transport: 'TCP' }] })).toEqual({
    PATH: '/bin',
    HOSTNAME: 'a-1',
    POD_NAME: 'a-1',
    POD_NAMESPACE: 'default',
    POD_IP: '127.16.0.1',
    SERVICE_ACCOUNT: 'sa',
    PORT: '9080',
    http_proxy: 'http://127.16.0.1:15001',
    BIND_ADDRESS: '127.24.0.1',
  });
});

test('variables of the container, from fields and from each other; only the address to bind to is not its choice', () => {
  const made = environment({
    env: [
      { name: 'APP', field: { kind: 'label', key: 'app' } },
      { name: 'IP', field: { kind: 'podIP' } },
      { name: 'NONE', field: { kind: 'annotation', key: 'x' } },
      { name: 'TEXT', value: '$(APP) at $(IP), $$(IP), $(UNKNOWN)' },
      { name: 'http_proxy', value: '' },
      { name: 'BIND_ADDRESS', value: '0.0.0.0' },
    ],
  });
  expect(made).toMatchObject({
    APP: 'a',
    IP: '127.16.0.1',
    NONE: '',
    TEXT: 'a at 127.16.0.1, $(IP), $(UNKNOWN)',
    http_proxy: '',
    BIND_ADDRESS: '127.24.0.1',
  });
});

test('names of other objects are not variables', () => {
  expect(expand('$(constructor) $(__proto__) $ $()', {})).toBe('$(constructor) $(__proto__) $ $()');
});
