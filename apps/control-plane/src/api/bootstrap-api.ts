// What agents ask before a proxy starts: its bootstrap with what EnvoyFilters say of it.
import type { JsonValue } from '@bufbuild/protobuf';
import type { FastifyInstance } from 'fastify';
import type { ControlPlaneContext } from '../context.ts';
import { readProxyNode } from '../proxies/proxy-node.ts';

interface Body {
  readonly bootstrap: JsonValue;
}

export function addBootstrapRoute(server: FastifyInstance, context: ControlPlaneContext): void {
  server.post<{ Body: Body }>('/v1/bootstrap', async ({ body }, reply) => {
    const node: unknown = Reflect.get(Object(body.bootstrap), 'node');
    const text = (key: string): string => {
      const value: unknown = Reflect.get(Object(node), key);
      return typeof value === 'string' ? value : '';
    };
    const metadata: unknown = Reflect.get(Object(node), 'metadata');
    const read = readProxyNode(
      {
        id: text('id'),
        cluster: text('cluster'),
        metadata: typeof metadata === 'object' && metadata !== null ? { ...metadata } : {},
        userAgent: 'envoy',
      },
      'on-demand',
    );
    if (!read.ok) {
      const diagnostic = { severity: 'error', code: 'unknown-node', message: read.message };
      return reply.code(422).send({ diagnostics: [diagnostic] });
    }
    const patched = await context.bootstraps.patch(read.proxy, body.bootstrap);
    return patched === undefined ? {} : { bootstrap: patched };
  });
}
