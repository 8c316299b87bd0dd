// Secrets that handlers name where a file can be: `secret:NAME/KEY`, a key of a Secret in the handler's own namespace. Rule: only fields that are read as files are looked at.
const pattern = /^secret:([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?)\/([\w.-]{1,253})$/;

export interface SecretReference {
  readonly name: string;
  readonly key: string;
}

/** Undefined: it is none. */
export function secretReference(text: string): SecretReference | undefined {
  const [, name, key] = pattern.exec(text) ?? [];
  return name === undefined || key === undefined ? undefined : { name, key };
}

/** In lower case, without "_": parameters have either spelling. */
const fileFields: ReadonlySet<string> = new Set([
  'tokenpath',
  'cacertificatespath',
  'signaturekeypath',
  'passwordpath',
  'cacertificates',
  'privatekey',
  'clientcertificate',
  'path',
]);

/** The same body with other texts in the place of references; the same value where there are none. */
export function replaceSecrets(body: unknown, replace: (reference: SecretReference) => string): unknown {
  if (typeof body !== 'object' || body === null) return body;
  if (Array.isArray(body)) return body.map((each) => replaceSecrets(each, replace));
  let isChanged = false;
  const entries = Object.entries(body).map(([name, value]: [string, unknown]) => {
    const after = replaceField(name, value, replace);
    isChanged ||= after !== value;
    return [name, after] as const;
  });
  return isChanged ? Object.fromEntries(entries) : body;
}

function replaceField(
  name: string,
  value: unknown,
  replace: (reference: SecretReference) => string,
): unknown {
  if (typeof value !== 'string') return replaceSecrets(value, replace);
  if (!fileFields.has(name.replaceAll('_', '').toLowerCase())) return value;
  const reference = secretReference(value);
  return reference === undefined ? value : replace(reference);
}

/** Those that a body names. */
export function secretsIn(body: unknown): readonly SecretReference[] {
  const found: SecretReference[] = [];
  replaceSecrets(body, (reference) => {
    found.push(reference);
    return '';
  });
  return found;
}
