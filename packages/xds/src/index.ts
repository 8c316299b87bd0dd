// The public surface of xds: a server of discovery streams over collections of encoded resources.
export type { Clock, Limits, XdsServerOptions } from './options.ts';
export { defaultLimits, systemClock } from './options.ts';
export type { Binding, BindOptions, XdsServer } from './server/server.ts';
export { createXdsServer } from './server/server.ts';
export type { XdsCounters } from './server/stream-hub.ts';
export type { ClientCertificates, TlsMaterial } from './server/tls-credentials.ts';
export type * from './types.ts';
