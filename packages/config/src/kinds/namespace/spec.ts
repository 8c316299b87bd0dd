// The body of a Namespace: all that counts is in its metadata.
export type NamespaceSpec = Readonly<Record<string, never>>;
