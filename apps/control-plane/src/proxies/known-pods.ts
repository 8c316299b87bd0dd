// The Pods that the platform has told of, as those look at them who judge what proxies say.
import type { Closing } from '../closing.ts';
import type { Pipeline } from '../pipeline.ts';
import type { ProxyRegistry } from './registry.ts';
import type { KnownPod } from './standing.ts';

export function podOf({ store }: Pipeline, namespace: string, name: string): KnownPod | undefined {
  const pod = store.source('Pod').get(`Pod/${namespace}/${name}`);
  return pod === undefined ? undefined : { labels: pod.metadata.labels, spec: pod.spec };
}

/** A Pod that goes changes nothing: its proxy serves until it has drained. */
export function followPods({ store }: Pipeline, registry: ProxyRegistry, closing: Closing): void {
  const watch = store.watch(({ changes }) => {
    for (const { type, object } of changes) {
      if (type !== 'set' || object.object?.kind !== 'Pod') continue;
      const { namespace, name } = object.object.metadata;
      registry.podChanged(namespace, name);
    }
  });
  if (watch.ok) closing.use(watch.value);
}
