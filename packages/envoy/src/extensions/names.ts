// What an extension's filter is called, and where its configuration lives: with its namespace, for nobody else to ask for.
import type { Extension } from '@xebec/mesh';

/** `extensions.istio.io/wasmplugin/NAMESPACE.NAME`. */
export const extensionName = ({ kind, metadata }: Pick<Extension, 'kind' | 'metadata'>): string =>
  `extensions.istio.io/${kind.toLowerCase()}/${metadata.namespace}.${metadata.name}`;

/** The same filter for a listener of all ports: it looks at the port that a request names. */
export const byHostName = (name: string): string => `${name}:by-host`;

export const extensionLayer = (namespace: string): string => `extensions:${namespace}`;
/** Extensions of the root namespace. */
export const meshExtensionLayer = 'extensions:*';
