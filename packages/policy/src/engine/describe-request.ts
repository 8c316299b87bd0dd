// What HTTPAPISpecs say about a request that a proxy tells of. Rule: what the proxy said stands; what is not clear is as good as unreadable.
import type { CallSource } from './call-source.ts';
import type { EngineParts } from './engine-parts.ts';

/** Only requests of proxies: programs that call themselves say what they do. */
export function describeRequest({ policy: { apiSpecs } }: EngineParts, source: CallSource): void {
  if (apiSpecs.isEmpty || source.get('context.reporter.kind') === undefined) return;
  source.takeMissed();
  const { attributes, unclear } = apiSpecs.describe(source);
  if (source.takeMissed() !== undefined) {
    source.spoil(apiSpecs.names);
    return;
  }
  for (const [name, value] of attributes) source.produce(name, value);
  if (unclear.size > 0) source.spoil(unclear);
}
