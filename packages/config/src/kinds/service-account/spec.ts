// The body of a ServiceAccount: its name is the identity.
export type ServiceAccountSpec = Readonly<Record<string, never>>;
