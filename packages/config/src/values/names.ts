// Names as Kubernetes and Istio restrict them. Every check is linear and bounded by length first.
import { andThen, type Decoder, quote, text } from '../decode/decoder.ts';
import { type Complaint, refuse } from '../decode/walk.ts';

const label = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;
const label1035 = /^[a-z]([a-z0-9-]*[a-z0-9])?$/;
const labelPart = /^[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/;

export const isDnsLabel = (name: string): boolean => name.length <= 63 && label.test(name);

export const isDnsSubdomain = (name: string): boolean =>
  name.length <= 253 && name.split('.').every((part) => part.length <= 63 && label.test(part));

const invalidName = (name: string, wanted: string): Complaint => ({
  code: 'invalid-name',
  message: `${quote(name)} is not ${wanted}`,
  remedy: 'use lower-case letters, digits and dashes; start and end with a letter or digit',
});

/** At most 63 lower-case letters, digits and dashes. */
export const dnsLabel: Decoder<string> = andThen(text, (name, walk) =>
  isDnsLabel(name) ? name : refuse(walk, invalidName(name, 'a DNS label (at most 63 characters)')),
);

/** As a DNS label, but it starts with a letter: names of Services. */
export const serviceName: Decoder<string> = andThen(text, (name, walk) =>
  name.length <= 63 && label1035.test(name)
    ? name
    : refuse(walk, {
        ...invalidName(name, 'a Service name (at most 63 characters)'),
        remedy: 'start with a lower-case letter; then lower-case letters, digits and dashes',
      }),
);

/** DNS labels joined by dots, at most 253 characters: names of most objects. */
export const dnsSubdomain: Decoder<string> = andThen(text, (name, walk) =>
  isDnsSubdomain(name) ? name : refuse(walk, invalidName(name, 'a DNS name (at most 253 characters)')),
);

/** A complaint about a label's or annotation's key, or undefined. */
export function checkQualifiedName(key: string): Complaint | undefined {
  const slash = key.indexOf('/');
  const prefix = slash < 0 ? undefined : key.slice(0, slash);
  const name = key.slice(slash + 1);
  const isGood =
    name.length <= 63 && labelPart.test(name) && (prefix === undefined || isDnsSubdomain(prefix));
  if (isGood) return undefined;
  return {
    code: 'invalid-key',
    message: `${quote(key)} is not a valid key`,
    remedy: 'write NAME or PREFIX/NAME: at most 63 letters, digits, "-", "_" and "." after a DNS prefix',
  };
}

/** The value of a label: empty, or at most 63 letters, digits, dashes, underscores and dots. */
export function checkLabelValue(value: string): Complaint | undefined {
  if (value === '' || (value.length <= 63 && labelPart.test(value))) return undefined;
  return {
    code: 'invalid-label-value',
    message: `${quote(value)} is not a valid label value`,
    remedy: 'use at most 63 letters, digits, "-", "_" and "."; start and end with a letter or digit',
  };
}

const portNamePattern = /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/;

/** A port's name: a DNS label. */
export const portName: Decoder<string> = andThen(text, (name, walk) =>
  name.length <= 63 && portNamePattern.test(name)
    ? name
    : refuse(walk, invalidName(name, 'a port name (at most 63 characters)')),
);
