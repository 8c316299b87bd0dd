// Containers: what to run, with which environment, and on which ports.
import { andThen, type Decoder, list, oneOf, quote, text } from '../../decode/decoder.ts';
import { type Decoded, exactlyOne, object, optional, required, withDefault } from '../../decode/object.ts';
import { refuse, type Walk } from '../../decode/walk.ts';
import { dnsLabel, portName } from '../../values/names.ts';
import { port } from '../../values/numbers.ts';
import { fieldReference } from './field-reference.ts';
import { lifecycleHooks, probe } from './probe.ts';
import type { Container, ContainerPort, EnvironmentVariable } from './spec.ts';
import { checkPortNames } from './validate.ts';

const environmentName: Decoder<string> = andThen(text, (name, walk) =>
  name.length <= 256 && /^[-._a-zA-Z][-._a-zA-Z0-9]*$/.test(name)
    ? name
    : refuse(walk, {
        code: 'invalid-name',
        message: `${quote(name)} is not the name of an environment variable`,
        remedy: 'use letters, digits and "_"; do not start with a digit',
      }),
);

const textWithoutNul: Decoder<string> = andThen(text, (value, walk) =>
  value.includes('\0')
    ? refuse(walk, { code: 'invalid-text', message: 'holds a NUL character', remedy: 'remove it' })
    : value,
);

const valueFrom = andThen(
  object(
    { fieldRef: optional(fieldReference) },
    { later: ['configMapKeyRef', 'secretKeyRef', 'resourceFieldRef', 'fileKeyRef'] },
  ),
  (value, walk) => (exactlyOne(value, ['fieldRef'], walk) ? value.fieldRef : undefined),
);

const variable = andThen(
  object({
    name: required(environmentName),
    value: optional(textWithoutNul),
    valueFrom: optional(valueFrom),
  }),
  ({ name, value, valueFrom: field }, walk): EnvironmentVariable | undefined => {
    if (field === undefined) return { name, value: value ?? '' };
    if (value === undefined || value === '') return { name, field };
    const message = 'value and valueFrom exclude each other';
    return refuse(walk, { code: 'conflicting-fields', message, remedy: 'keep one' }, 'valueFrom');
  },
);

const containerPort = andThen(
  object(
    {
      name: withDefault(portName, ''),
      containerPort: required(port),
      protocol: withDefault(oneOf('TCP', 'UDP', 'SCTP'), 'TCP'),
    },
    { ignored: ['hostPort', 'hostIP'], isTolerant: true },
  ),
  (value): ContainerPort => ({ name: value.name, port: value.containerPort, transport: value.protocol }),
);

const shape = {
  name: required(dnsLabel),
  image: withDefault(textWithoutNul, ''),
  command: withDefault<readonly string[]>(list(textWithoutNul), []),
  args: withDefault<readonly string[]>(list(textWithoutNul), []),
  workingDir: optional(textWithoutNul),
  env: withDefault<readonly EnvironmentVariable[]>(list(variable), []),
  ports: withDefault<readonly ContainerPort[]>(andThen(list(containerPort), checkPortNames), []),
  readinessProbe: optional(probe),
  livenessProbe: optional(probe),
  startupProbe: optional(probe),
  lifecycle: optional(lifecycleHooks),
  restartPolicy: optional(oneOf('Always')),
};

const ignored = [
  'imagePullPolicy',
  'resizePolicy',
  'resources',
  'restartPolicyRules',
  'securityContext',
  'stdin',
  'stdinOnce',
  'terminationMessagePath',
  'terminationMessagePolicy',
  'tty',
  'volumeDevices',
  'volumeMounts',
];

const rules = { ignored, later: ['envFrom'], isTolerant: true };

export const container: Decoder<Container> = andThen(object(shape, rules), checkImage);

function checkImage(value: Decoded<typeof shape>, walk: Walk): Container | undefined {
  const { lifecycle, restartPolicy, ...rest } = value;
  if (value.image !== '')
    return { ...rest, ...lifecycle, ...(restartPolicy === undefined ? {} : { isSidecar: true }) };
  return refuse(
    walk,
    { code: 'missing-field', message: 'the field "image" is missing', remedy: 'add "image"' },
    'image',
  );
}
