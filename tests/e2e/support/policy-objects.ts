// Objects of the policy service as tests write them.

/** Documents of one `xebec apply`. */
export const documents = (...objects: readonly string[]): string => objects.join('\n---\n');

const object =
  (kind: string) =>
  (name: string, spec: object, metadata: object = {}): string =>
    JSON.stringify({ apiVersion: 'config.istio.io/v1alpha2', kind, metadata: { name, ...metadata }, spec });

const writeRule = object('rule');
const writeHandler = object('handler');
const writeInstance = object('instance');

export const policyObject = (kind: string, name: string, spec: object): string => object(kind)(name, spec);

export const handler = (name: string, compiledAdapter: string, params: object = {}): string =>
  writeHandler(name, { compiledAdapter, params });

export const instance = (name: string, compiledTemplate: string, params: object = {}): string =>
  writeInstance(name, { compiledTemplate, params });

/** One action for each handler, with the instances it gets. */
export const rule = (
  name: string,
  match: string,
  actions: Readonly<Record<string, readonly string[]>>,
  annotations: Readonly<Record<string, string>> = {},
): string =>
  writeRule(
    name,
    { match, actions: Object.entries(actions).map(([to, instances]) => ({ handler: to, instances })) },
    { annotations },
  );
