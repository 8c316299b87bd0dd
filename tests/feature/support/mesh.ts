// A control plane and proxies for one test; all of it ends with the test.
import { afterEach } from 'vitest';
import { startControlPlane, type TestControlPlane } from './control-plane.ts';
import { pod } from './documents.ts';
import { connectProxy, type ProxyClient, type ProxyOptions, type Received } from './proxy-client.ts';

const closers: (() => Promise<void> | void)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Runs at the end of the test, last in first. */
export const atEnd = (close: () => Promise<void> | void): void => void closers.push(close);

export interface Mesh {
  readonly plane: TestControlPlane;
  readonly proxies: readonly ProxyClient[];
  /** One more proxy, with all it asked for. */
  connect(options: ProxyOptions): Promise<ProxyClient>;
  /** Changes something, waits until everybody has it, and tells what each of them received. */
  onChange(change: () => Promise<unknown>): Promise<readonly (readonly Received[])[]>;
}

/** A mesh of this YAML and one ready Pod of `reviews` v1, fed through the API, with these proxies connected. */
export async function start(text: string, ...options: readonly ProxyOptions[]): Promise<Mesh> {
  const plane = await startControlPlane();
  closers.push(() => plane.close());
  await plane.apply(text);
  await plane.putPod(pod('reviews', 'v1', '127.0.8.1'));
  const open = (each: ProxyOptions): ProxyClient => {
    const proxy = connectProxy(plane.port, each);
    closers.push(() => proxy.close());
    return proxy;
  };
  const proxies = options.map(open);
  await plane.settled(proxies);
  return {
    plane,
    proxies,
    connect: async (each) => {
      const proxy = open(each);
      await plane.settled([proxy]);
      return proxy;
    },
    onChange: async (change) => {
      for (const proxy of proxies) proxy.taken();
      await change();
      const { epoch } = await plane.ask<{ epoch: number }>('GET', '/v1/status');
      await plane.settled(proxies, epoch);
      return proxies.map((proxy) => proxy.taken());
    },
  };
}
